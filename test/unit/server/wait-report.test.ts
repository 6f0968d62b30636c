import { type LogFields, silentLogger } from '../../../src/base/logger';
import { ContainerdError } from '../../../src/containerd/errors';
import { Code } from '../../../src/rpc/code';
import { WaitReport } from '../../../src/server/wait-report';

const MINUTE = 60_000;

let now: number;
let logged: unknown[];
let told: string[];
let readiness: { problem: string };
let report: WaitReport;
beforeEach(() => {
  now = 0;
  logged = [];
  told = [];
  readiness = { problem: 'pods are being recovered' };
  report = new WaitReport({
    log: { ...silentLogger, warn: (_message: string, fields: LogFields = {}) => void logged.push(fields.reason) },
    manager: { waiting: (why) => void told.push(why) },
    readiness,
    now: () => now,
  });
});

describe('What crisp waits for', () => {
  it('is in each answer, and told to the service manager when it changes', () => {
    report.report(new Error('containerd cannot be reached', { cause: new Error('ENOENT') }));
    report.report(new Error('containerd cannot be reached', { cause: new Error('ENOENT') }));
    report.report(new Error('its own CRI plugin is on'));
    expect(readiness.problem).toBe('its own CRI plugin is on');
    expect(told).toEqual(['containerd cannot be reached: ENOENT', 'its own CRI plugin is on']);
  });

  it('is logged once for each reason, and again at growing intervals', () => {
    for (; now < 8 * MINUTE; now += 1000) report.report(new Error(now % 2000 === 0 ? 'even' : 'odd'));
    expect(logged.filter((reason) => reason === 'even')).toHaveLength(4); // after 0, 1, 3 and 7 minutes
    expect(logged.filter((reason) => reason === 'odd')).toHaveLength(4);
  });

  it('names the call that containerd refused', () => {
    report.report(new ContainerdError(Code.INTERNAL, 'disk broken', 'containerd.services.tasks.v1.Tasks/List'));
    expect(readiness.problem).toBe('containerd: containerd.services.tasks.v1.Tasks/List: disk broken');
  });

  it('keeps no more reasons than it can tell apart', () => {
    for (let at = 0; at < 1000; at += 1) report.report(new Error(`attempt ${at}`));
    expect(logged).toHaveLength(1000);
    report.report(new Error('attempt 0'));
    expect(logged).toHaveLength(1001);
  });
});
