import { type CommandResult, statusJson, statusText } from '../../../src/streaming/command-status';

describe('The status of a command', () => {
  it.each<[CommandResult, unknown]>([
    [{ exitCode: 0 }, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }],
    [
      { exitCode: 137 },
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'command terminated with non-zero exit code: exit status 137',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '137' }] },
      },
    ],
    [
      { error: new Error('container "web" does not run') },
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Internal error occurred: container "web" does not run',
        reason: 'InternalError',
        details: { causes: [{ message: 'container "web" does not run' }] },
        code: 500,
      },
    ],
  ])('of %j is a metav1.Status', (result, expected) => {
    expect(JSON.parse(statusJson(result))).toEqual(expected);
  });

  it.each<[CommandResult, string]>([
    [{ exitCode: 0 }, ''],
    [{ exitCode: 2 }, 'command terminated with non-zero exit code: exit status 2'],
    [{ error: new Error('no such container') }, 'no such container'],
    [{ error: 'just text' }, 'just text'],
  ])('of %j is text for old clients', (result, expected) => {
    expect(statusText(result)).toBe(expected);
  });
});
