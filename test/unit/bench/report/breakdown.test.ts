import { breakdownTable, tracedCalls } from '../../../bench/report/breakdown';

const lines = (...objects: object[]): string => objects.map((line) => `${JSON.stringify(line)}\n`).join('');
const containerd = (method: string, ms: number) => ({ message: 'called containerd', method, code: 'OK', ms });
const LOG = lines(
  { message: 'listening' },
  containerd('containerd.services.leases.v1.Leases/Create', 4),
  { message: 'did a step', method: 'runtime.v1.RuntimeService/RunPodSandbox', step: 'take a lease', ms: 5 },
  containerd('containerd.services.tasks.v1.Tasks/Wait', 9000),
  { message: 'called a CNI plugin', plugin: 'bridge', command: 'ADD', ms: 60 },
  { message: 'did a step', step: 'set up the pod network', ms: 65 },
  { message: 'served', method: 'runtime.v1.RuntimeService/RunPodSandbox', ms: 100 },
  { message: 'served', method: 'runtime.v1.RuntimeService/Version', ms: 1 },
);

describe('a log of debug lines', () => {
  it('is read as calls, each with what was done since the answer before; waits for the end of a task go on beside that', () =>
    expect(tracedCalls(`(node:1) a warning\n${LOG}`)).toEqual([
      {
        method: 'RunPodSandbox',
        ms: 100,
        parts: [
          { kind: 'containerd', name: 'Leases.Create', ms: 4 },
          { kind: 'step', name: 'take a lease', ms: 5 },
          { kind: 'cni', name: 'bridge ADD', ms: 60 },
          { kind: 'step', name: 'set up the pod network', ms: 65 },
        ],
      },
      { method: 'Version', ms: 1, parts: [] },
    ]));
});

describe('the breakdown', () => {
  it('has medians of calls of containerd, of plugins, of the rest, and of steps, for the methods that were called', () =>
    expect(breakdownTable(tracedCalls(LOG.repeat(3)), ['RunPodSandbox', 'StopPodSandbox']).split('\n')).toEqual([
      '| | calls | ms | of it |',
      '|---|---:|---:|---:|',
      '| **RunPodSandbox** | 3 | 100 | 100 % |',
      '| *calls of containerd* |  | 4.00 | 4 % |',
      '| &nbsp;&nbsp;Leases.Create | 1 | 4.00 | 4 % |',
      '| *CNI plugins* |  | 60.0 | 60 % |',
      '| &nbsp;&nbsp;bridge ADD | 1 | 60.0 | 60 % |',
      '| *everything else* |  | 36.0 | 36 % |',
      '| *the same by step* | | | |',
      '| &nbsp;&nbsp;take a lease | 1 | 5.00 | 5 % |',
      '| &nbsp;&nbsp;set up the pod network | 1 | 65.0 | 65 % |',
    ]));
});
