// Runs one of gRPC's interoperability cases against a server on a unix socket, plainly or with compressed messages. The
// client of google.golang.org/grpc/interop/client runs the same functions, but dials no socket and compresses nothing.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

type testCase func(ctx context.Context, client testgrpc.TestServiceClient, options ...grpc.CallOption)

var cases = map[string]testCase{
	"empty_unary":                 interop.DoEmptyUnaryCall,
	"large_unary":                 interop.DoLargeUnaryCall,
	"client_streaming":            interop.DoClientStreaming,
	"server_streaming":            interop.DoServerStreaming,
	"ping_pong":                   interop.DoPingPong,
	"empty_stream":                interop.DoEmptyStream,
	"timeout_on_sleeping_server":  interop.DoTimeoutOnSleepingServer,
	"cancel_after_begin":          interop.DoCancelAfterBegin,
	"cancel_after_first_response": interop.DoCancelAfterFirstResponse,
	"custom_metadata":             interop.DoCustomMetadata,
	"status_code_and_message":     interop.DoStatusCodeAndMessage,
	"special_status_message":      interop.DoSpecialStatusMessage,
}

func main() {
	address := flag.String("address", "", "unix:///path of the server")
	name := flag.String("case", "", "the case")
	compress := flag.Bool("gzip", false, "whether messages are compressed")
	flag.Parse()
	connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := testgrpc.NewTestServiceClient(connection)
	var options []grpc.CallOption
	if *compress {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	switch *name {
	case "unimplemented_method":
		interop.DoUnimplementedMethod(ctx, connection)
	case "unimplemented_service":
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(connection))
	case "pick_first_unary":
		interop.DoPickFirstUnary(ctx, client)
	default:
		run, known := cases[*name]
		if !known {
			log.Fatalf("there is no case %q", *name)
		}
		run(ctx, client, options...)
	}
}
