import { parseConfig } from '../../../src/config/load';
import { runtimeHandlers } from '../../../src/cri/runtime-handlers';

const hostProcesses = (type: string, setting = ''): boolean | undefined => {
  const config = parseConfig(`[containerd.runtimes.other]\nruntime_type = "${type}"\n${setting}`);
  return runtimeHandlers(config).find('other')?.hostProcesses;
};

describe('host_processes', () => {
  it.each([
    ['io.containerd.runc.v2', true],
    ['io.containerd.runc.v1', true],
    ['io.containerd.kata.v2', false],
    ['io.containerd.kata-fc.v2', false],
    ['io.containerd.runsc.v1', false],
    ['io.containerd.wasmtime.v1', false],
  ])('is told from the shim when nothing is said: %s', (type, is) => {
    expect(hostProcesses(type)).toBe(is);
    expect(hostProcesses(type, 'host_processes = "auto"')).toBe(is);
  });

  it.each([true, false])('is what the configuration says, whatever the shim: %s', (is) => {
    expect(hostProcesses('io.containerd.runc.v2', `host_processes = ${is}`)).toBe(is);
    expect(hostProcesses('io.containerd.runsc.v1', `host_processes = ${is}`)).toBe(is);
  });

  it('is so of the runtime that is always there', () => {
    expect(runtimeHandlers(parseConfig('')).default.hostProcesses).toBe(true);
  });
});
