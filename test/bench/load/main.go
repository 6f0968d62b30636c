// Command load keeps a CRI server busy with many clients, each with a connection of its own, and prints as JSON how long
// everything took. It is built by test/tools/build.sh with the modules that crictl is built with.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// What kubelet gives a call.
const callTimeout = 2 * time.Minute

// How long a client waits for its connection.
const connectTimeout = time.Minute

// How often somebody new comes while all the others are busy.
const newcomerEvery = 100 * time.Millisecond

// What kubelet and crictl take of an answer.
const maxMessageBytes = 16 << 20

type options struct {
	socket            string
	clients           int
	seconds           int
	pods, containers  []string
	image, freshImage string
}

// A report is what is printed: times in milliseconds.
type report struct {
	Calls int `json:"calls"`
	// Calls, and connections, that failed: how many by what was said.
	Failures map[string]int `json:"failures"`
	// From the beginning of a connection until it is ready: of the clients that all come at once.
	Connect []float64 `json:"connect"`
	// The same, and a first Version, of those that come while all others are busy.
	Newcomer []float64            `json:"newcomer"`
	Rpcs     map[string][]float64 `json:"rpcs"`
}

// A tally collects what many goroutines have seen.
type tally struct {
	sync.Mutex
	report
}

func (t *tally) call(rpc string, began time.Time, err error) {
	took := since(began)
	t.Lock()
	defer t.Unlock()
	t.Calls++
	if err != nil {
		t.fail(rpc, err)
		return
	}
	t.Rpcs[rpc] = append(t.Rpcs[rpc], took)
}

// To be called with the lock held. Ids differ from call to call, the rest of a message does not.
func (t *tally) fail(what string, err error) {
	text := fmt.Sprintf("%s: %s: %.160s", what, status.Code(err), status.Convert(err).Message())
	t.Failures[text]++
}

func main() {
	var o options
	var pods, containers string
	flag.StringVar(&o.socket, "socket", "", "path of the CRI socket")
	flag.IntVar(&o.clients, "clients", 200, "how many clients there are")
	flag.IntVar(&o.seconds, "seconds", 20, "how long they are busy")
	flag.StringVar(&pods, "pods", "", "ids of pods, with commas between them")
	flag.StringVar(&containers, "containers", "", "ids of running containers")
	flag.StringVar(&o.image, "image", "", "an image that is here")
	flag.StringVar(&o.freshImage, "fresh", "", "an image that is removed and pulled again and again")
	flag.Parse()
	o.pods, o.containers = strings.Split(pods, ","), strings.Split(containers, ",")
	t := &tally{report: report{Failures: map[string]int{}, Rpcs: map[string][]float64{}}}
	run(o, t)
	t.Lock()
	defer t.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(t.report); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run returns when all clients have left.
func run(o options, t *tally) {
	until := time.Now().Add(time.Duration(o.seconds) * time.Second)
	var all sync.WaitGroup
	begin := func(f func()) {
		all.Add(1)
		go func() {
			defer all.Done()
			f()
		}()
	}
	for i := range o.clients {
		begin(func() { busy(o, t, int64(i), until) })
	}
	begin(func() { newcomers(o, t, until) })
	if o.freshImage != "" {
		begin(func() { puller(o, t, until) })
	}
	all.Wait()
}

// dial answers a connection of its own that is ready, and how long that took.
func dial(o options) (*grpc.ClientConn, float64, error) {
	began := time.Now()
	conn, err := grpc.NewClient(
		"unix://"+o.socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
	)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	conn.Connect()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if state == connectivity.TransientFailure {
			conn.Close()
			return nil, 0, fmt.Errorf("the connection failed after %d ms", time.Since(began).Milliseconds())
		}
		if !conn.WaitForStateChange(ctx, state) {
			conn.Close()
			return nil, 0, fmt.Errorf("no connection within %s", connectTimeout)
		}
	}
	return conn, since(began), nil
}

// connected dials until it succeeds, and counts each time that it does not.
func connected(o options, t *tally, until time.Time) *grpc.ClientConn {
	for time.Now().Before(until) {
		conn, took, err := dial(o)
		t.Lock()
		if err == nil {
			t.Connect = append(t.Connect, took)
			t.Unlock()
			return conn
		}
		t.fail("connect", err)
		t.Unlock()
		time.Sleep(newcomerEvery)
	}
	return nil
}

// busy makes one call after the other.
func busy(o options, t *tally, seed int64, until time.Time) {
	conn := connected(o, t, until)
	if conn == nil {
		return
	}
	defer conn.Close()
	c := client{o: o, runtime: cri.NewRuntimeServiceClient(conn), images: cri.NewImageServiceClient(conn), random: rand.New(rand.NewSource(seed))}
	for time.Now().Before(until) {
		what := c.choose()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		began := time.Now()
		err := what.call(ctx, &c)
		t.call(what.rpc, began, err)
		cancel()
	}
}

// newcomers come one after the other, ask for the version and leave.
func newcomers(o options, t *tally, until time.Time) {
	for time.Now().Before(until) {
		began := time.Now()
		conn, _, err := dial(o)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
			_, err = cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
			cancel()
			conn.Close()
		}
		t.Lock()
		if err == nil {
			t.Newcomer = append(t.Newcomer, since(began))
		} else {
			t.fail("newcomer", err)
		}
		t.Unlock()
		time.Sleep(newcomerEvery)
	}
}

// puller fetches the same image anew, again and again.
func puller(o options, t *tally, until time.Time) {
	conn := connected(o, t, until)
	if conn == nil {
		return
	}
	defer conn.Close()
	images := cri.NewImageServiceClient(conn)
	spec := &cri.ImageSpec{Image: o.freshImage}
	for time.Now().Before(until) {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		began := time.Now()
		_, err := images.PullImage(ctx, &cri.PullImageRequest{Image: spec})
		t.call("PullImage of what is not here", began, err)
		began = time.Now()
		_, err = images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: spec})
		t.call("RemoveImage", began, err)
		cancel()
	}
}

// A client of a CRI server.
type client struct {
	o       options
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	random  *rand.Rand
}

// A kind of call, and how often it is made among a hundred.
type kind struct {
	rpc    string
	weight int
	call   func(context.Context, *client) error
}

var kinds = []kind{
	{"ListPodSandbox", 25, func(ctx context.Context, c *client) error {
		answer, err := c.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		return orLess(err, len(answer.GetItems()), len(c.o.pods))
	}},
	{"ListContainers", 25, func(ctx context.Context, c *client) error {
		answer, err := c.runtime.ListContainers(ctx, &cri.ListContainersRequest{})
		return orLess(err, len(answer.GetContainers()), len(c.o.containers))
	}},
	{"PodSandboxStatus", 13, func(ctx context.Context, c *client) error {
		_, err := c.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: c.of(c.o.pods)})
		return err
	}},
	{"ContainerStatus", 13, func(ctx context.Context, c *client) error {
		_, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.of(c.o.containers)})
		return err
	}},
	{"ListImages", 8, func(ctx context.Context, c *client) error {
		_, err := c.images.ListImages(ctx, &cri.ListImagesRequest{})
		return err
	}},
	{"Version", 5, func(ctx context.Context, c *client) error {
		_, err := c.runtime.Version(ctx, &cri.VersionRequest{})
		return err
	}},
	{"Status", 4, func(ctx context.Context, c *client) error {
		_, err := c.runtime.Status(ctx, &cri.StatusRequest{})
		return err
	}},
	{"ListContainerStats", 4, func(ctx context.Context, c *client) error {
		_, err := c.runtime.ListContainerStats(ctx, &cri.ListContainerStatsRequest{})
		return err
	}},
	{"ExecSync", 2, func(ctx context.Context, c *client) error {
		request := &cri.ExecSyncRequest{ContainerId: c.of(c.o.containers), Cmd: []string{"true"}, Timeout: 60}
		answer, err := c.runtime.ExecSync(ctx, request)
		if err == nil && answer.ExitCode != 0 {
			return fmt.Errorf("it ended with %d", answer.ExitCode)
		}
		return err
	}},
	{"PullImage", 1, func(ctx context.Context, c *client) error {
		_, err := c.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: c.o.image}})
		return err
	}},
}

func (c *client) choose() kind {
	at := c.random.Intn(100)
	for _, each := range kinds {
		if at -= each.weight; at < 0 {
			return each
		}
	}
	return kinds[0]
}

func (c *client) of(ids []string) string { return ids[c.random.Intn(len(ids))] }

// orLess is an error also when fewer things are listed than there are.
func orLess(err error, found, least int) error {
	if err == nil && found < least {
		return fmt.Errorf("%d of %d are listed", found, least)
	}
	return err
}

func since(began time.Time) float64 { return float64(time.Since(began).Microseconds()) / 1000 }
