import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { parseLogLine } from '../../../src/client/log-line';
import { CgroupDir, parseNumber, parsePressure, parseTable } from '../../../src/host/cgroup/cgroup-text';
import { parseThrottle, readCgroupV1 } from '../../../src/host/cgroup/cgroup-v1';
import { parseIoStat, readCgroupV2 } from '../../../src/host/cgroup/cgroup-v2';
import { mountDevices, mountsBelow, mountTypes, parseMountInfo } from '../../../src/host/mount/mount-info';
import { parseNetDev } from '../../../src/host/namespace/net-dev';
import { parseParent, parseStartTime, statusField } from '../../../src/host/process/proc';
import { parseProfiles } from '../../../src/host/security/apparmor';
import { usageOf } from '../../../src/stats/usage';
import { createOutputBuffer, LogWriter } from '../../../src/stdio/cri-log';
import { Frame, FrameReader, frame } from '../../../src/stdio/frames';
import { JOURNAL_BYTES, Journal } from '../../../src/stdiod/engine/journal';
import { latin } from '../input';
import { COMMON_TOKENS, type Target } from '../target';

const PRESSURE = 'some avg10=0.12 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n';
const NET_DEV = `Inter-|   Receive  |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0
eth0:1:200 2 0 0 0 0 0 0 300 3 0 0 0 0 0 0
`;
const MOUNTS = `25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
`;

/** Every file of a cgroup has the same text. */
class OneText extends CgroupDir {
  constructor(private readonly content: string) {
    super('/nowhere');
  }
  override text(): string {
    return this.content;
  }
  override names(): string[] {
    return ['hugetlb.2MB.current', 'hugetlb.2MB.usage_in_bytes', ...this.content.split('\n').slice(0, 10)];
  }
}

const cgroups: Target = {
  name: 'host/cgroup-files',
  most: 256 << 10,
  mibMs: 2000, // two dozen files
  seeds: [
    'usage_usec 123\nuser_usec 100\nsystem_usec 23\nnr_periods 1\n',
    '12345\n',
    PRESSURE,
    '8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:16 \n',
    '8:0 Read 4096\n8:0 Write 1\nTotal 4097\n',
    'max\n',
  ],
  tokens: [...COMMON_TOKENS, 'max', '8:0 ', 'rbytes=', 'some ', 'total=', 'avg10=', ' 1\n', '9'],
  read(bytes) {
    const text = bytes.toString('utf8');
    const dir = new OneText(text);
    for (const values of [readCgroupV2(dir), readCgroupV1(() => dir)]) usageOf(values, 1n, 1n);
    parseNumber(text);
    parseTable(text);
    parsePressure(text);
    parseIoStat(text);
    parseThrottle(text, text);
  },
};

const proc: Target = {
  name: 'host/proc-files',
  mibMs: 600,
  seeds: [
    NET_DEV,
    MOUNTS,
    '12 (a) b) S 1 12 12 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 1 1\n',
    'Name:\tsh\nState:\tS (sleeping)\nCapEff:\t000001ffffffffff\n',
    'docker-default (enforce)\nmy profile (complain)\n',
  ],
  tokens: [...COMMON_TOKENS, ' - ', ') ', '(', 'Name:', '\\040', ' 0', 'eth0:', ' (enforce)\n'],
  read(bytes) {
    const text = bytes.toString('utf8');
    parseNetDev(text);
    mountsBelow(parseMountInfo(text), '/sys');
    mountTypes(text);
    mountDevices(text);
    parseStartTime(text);
    parseParent(text);
    statusField(text, 'Name');
    parseProfiles(text);
  },
};

const logLines: Target = {
  name: 'client/log-lines',
  mibMs: 300,
  seeds: ['2026-01-02T03:04:05.123456789Z stdout F hello', '2026-01-02T03:04:05+01:00 stderr P '],
  tokens: [...COMMON_TOKENS, ' stdout ', ' F ', 'P', '2026-01-02T03:04:05Z'],
  refuses: (thrown) =>
    typeof thrown === 'object' && thrown !== null && String(thrown).startsWith('Error: not a line of a'),
  read(bytes) {
    for (const line of bytes.toString('utf8').split('\n')) parseLogLine(line);
  },
};

/** What a container prints, in pieces, into a log. */
const output: Target = {
  name: 'io/container-output',
  most: 256 << 10,
  mibMs: 1500, // a line of a byte is fifty in the log
  seeds: ['hello\nworld\r\n', 'no newline', '\n\n\r\n', `${'x'.repeat(5000)}\n`],
  tokens: ['\n', '\r', '\r\n', '\0', 'x', '\xff', 'x'.repeat(4096)],
  read(bytes) {
    const dir = mkdtempSync(join(tmpdir(), 'crisp-fuzz-'));
    try {
      const outputBuffer = createOutputBuffer();
      const writer = new LogWriter({
        path: join(dir, 'log'),
        maxLineBytes: 4096,
        outputBuffer,
        log: silentLogger,
        metrics: noMetrics,
      });
      for (let at = 0; at < bytes.length; at += 64 << 10) writer.write('stdout', bytes.subarray(at, at + (64 << 10)));
      writer.close();
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
};

const PIECE = latin(frame(Frame.STDIN, Buffer.from('hello')));

const stdioFrames: Target = {
  name: 'io/frames',
  seeds: [
    PIECE + latin(frame(Frame.MESSAGE, Buffer.from('{"op":"list"}'))),
    latin(frame(Frame.STDIN_END, Buffer.alloc(0))),
  ],
  tokens: ['\0\0\0\x01', '\0\0\0\0', '\xff\xff\xff\xff', '\x01\0\0\0', PIECE],
  refuses: (thrown) => typeof thrown === 'object' && thrown !== null && String(thrown).startsWith('Error: a frame of'),
  read(bytes) {
    const reader = new FrameReader(() => undefined);
    for (let at = 0; at < bytes.length; at += 64 << 10) reader.push(bytes.subarray(at, at + (64 << 10)));
  },
};

/** Memory that a process left when it was killed. */
const journals: Target = {
  name: 'io/journals',
  seeds: ['\x01\0\0\0\0\0\0\0\x05\0\0\0', '\x02\0\0\0\x01\0\0\0\xff\xff\xff\xff'],
  tokens: ['\0\0\0\0', '\xff\xff\xff\xff', '\x01\0\0\0', '\0\x04\0\0'],
  most: 4096,
  read(bytes) {
    const memory = Buffer.alloc(JOURNAL_BYTES);
    bytes.copy(memory);
    const journal = new Journal(memory);
    journal.unfinished();
    if (journal.owner.length > 4096) throw new Error('an owner that is none');
  },
};

export const HOST: readonly Target[] = [cgroups, proc, logLines, output, stdioFrames, journals];
