import { ContainerResources } from '../../../generated/cri/v1/api';
import type { ContainerStatus } from '../../../src/model/container';
import { encodeStatusFile, foreignMembers, parseStatusFile } from '../../../src/state/status-file';

const status: ContainerStatus = {
  pid: 42,
  createdAt: 1_795_477_880_340_262_001n,
  startedAt: 1_795_477_880_419_470_907n,
  finishedAt: 0n,
  exitCode: 0,
  reason: '',
  message: '',
  resources: ContainerResources.fromPartial({ linux: { cpuShares: 2n, memoryLimitInBytes: 9223372036854775807n } }),
  unknown: false,
};

describe('the status file', () => {
  it('is the flat object the plugin writes, with every digit of its times', () => {
    expect(encodeStatusFile(status)).toBe(
      '{"Version":"v1","Pid":42,"CreatedAt":1795477880340262001,"StartedAt":1795477880419470907,"FinishedAt":0,' +
        '"ExitCode":0,"Reason":"","Message":"","Resources":{"linux":{"cpu_shares":2,"memory_limit_in_bytes":9223372036854775807}}}',
    );
  });

  it('is read back as it was', () => {
    expect(parseStatusFile(Buffer.from(encodeStatusFile(status)))).toEqual(status);
    const exited = {
      ...status,
      finishedAt: 5n,
      exitCode: 137,
      reason: 'OOMKilled',
      message: 'x',
      resources: undefined,
    };
    expect(parseStatusFile(Buffer.from(encodeStatusFile(exited)))).toEqual(exited);
  });

  it('does not store that a container is in doubt', () => {
    expect(parseStatusFile(Buffer.from(encodeStatusFile({ ...status, unknown: true })))?.unknown).toBe(false);
  });

  it('keeps what a newer program has put there', () => {
    const before = Buffer.from('{"Version":"v1","Pid":1,"CreatedAt":1,"Restore":true,"Inode":9007199254740993}');
    expect(encodeStatusFile(status, foreignMembers(before))).toMatch(/,"Restore":true,"Inode":9007199254740993\}$/);
  });

  it('is written anew over a torn one', () => {
    expect(encodeStatusFile(status, foreignMembers(Buffer.from('{"Vers')))).toBe(encodeStatusFile(status));
  });

  it.each([
    ['empty', ''],
    ['torn', encodeStatusFile(status).slice(0, 60)],
    ['full of zeros', '\0\0\0\0'],
    ['of another version', '{"Version":"v2","CreatedAt":1}'],
    ['without a creation time', '{"Version":"v1","Pid":1}'],
    ['of wrong types', '{"Version":"v1","CreatedAt":"yesterday"}'],
    ['with a number that no file can have', '{"Version":"v1","CreatedAt":1,"Pid":1e999}'],
    ['of wrong resources', '{"Version":"v1","CreatedAt":1,"Resources":{"linux":3}}'],
    ['no object', '3'],
  ])('is undefined when it is %s', (_name, text) => {
    expect(parseStatusFile(Buffer.from(text))).toBeUndefined();
  });
});
