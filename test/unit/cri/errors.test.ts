import { silentLogger } from '../../../src/base/logger';
import { DeadlineError } from '../../../src/base/wait/deadline';
import { ContainerdError } from '../../../src/containerd/errors';
import { invalid, MAX_MESSAGE, notFound, notReady, toStatus } from '../../../src/cri/errors';
import { BadInputError } from '../../../src/host/bad-input';
import { HostPathError } from '../../../src/host/mount/safe-path';
import { PullError } from '../../../src/images/errors';
import { OciError } from '../../../src/oci/oci-error';
import type { Call } from '../../../src/rpc/call';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { EventsDropped } from '../../../src/state/container-events';
import { AmbiguousId } from '../../../src/state/id-map';
import { NameTaken } from '../../../src/state/name-index';
import { StdioError } from '../../../src/stdio/stdio-error';
import { TooManyRequests } from '../../../src/streaming/request-cache';

function call(): Call {
  return { method: 'RunPodSandbox', signal: new AbortController().signal, log: silentLogger };
}

describe('The status of what was thrown', () => {
  it.each<[string, unknown, Code]>([
    ['what a story says', new RpcError(Code.ABORTED, 'no'), Code.ABORTED],
    ['a bad field', invalid('config.metadata.name', 'is empty'), Code.INVALID_ARGUMENT],
    ['an unknown id', notFound('container', 'x'), Code.NOT_FOUND],
    ['a wrong state', notReady('it runs'), Code.FAILED_PRECONDITION],
    ['something containerd lacks', new ContainerdError(Code.NOT_FOUND, 'Get', 'gone'), Code.INTERNAL],
    ['an RPC containerd lacks', new ContainerdError(Code.UNIMPLEMENTED, 'Get', 'no'), Code.INTERNAL],
    ['containerd away', new ContainerdError(Code.UNAVAILABLE, 'Get', 'away'), Code.UNAVAILABLE],
    ['containerd full', new ContainerdError(Code.RESOURCE_EXHAUSTED, 'Get', 'full'), Code.RESOURCE_EXHAUSTED],
    ['a spec that cannot be', new OciError('config.envs[0].value', 'is not UTF-8'), Code.INVALID_ARGUMENT],
    ['a spec that cannot be here', new OciError('f', 'no', { code: 'FAILED_PRECONDITION' }), Code.FAILED_PRECONDITION],
    ['a failed pull', new PullError('other', 'not found'), Code.UNKNOWN],
    ['an ambiguous id', new AmbiguousId('a'), Code.INVALID_ARGUMENT],
    ['a taken name', new NameTaken('web', 'x'), Code.ALREADY_EXISTS],
    ['a deadline', new DeadlineError('the command', 1000), Code.DEADLINE_EXCEEDED],
    ['events dropped', new EventsDropped({ events: 1, bytes: 1 }), Code.RESOURCE_EXHAUSTED],
    ['too many URLs', new TooManyRequests(), Code.RESOURCE_EXHAUSTED],
    ['a file of an image', new BadInputError('"/etc/passwd" is too large'), Code.INVALID_ARGUMENT],
    ['a host path that hangs', new HostPathError('looking at /mnt'), Code.FAILED_PRECONDITION],
    ['a log that cannot be opened', new StdioError('BAD_LOG', 'no'), Code.FAILED_PRECONDITION],
    ['stdio that nobody serves', new StdioError('UNAVAILABLE', 'no'), Code.UNAVAILABLE],
    ['a bug', new TypeError('x is undefined'), Code.INTERNAL],
  ])('is for %s the one of the table', (_what, thrown, code) => {
    expect(toStatus(thrown, call()).code).toBe(code);
  });

  it('has so many characters of a message, and of a stack', () => {
    const messageOf = (text: string): string => toStatus(new RpcError(Code.INTERNAL, text), call()).message;
    expect(messageOf('x'.repeat(MAX_MESSAGE))).toBe('x'.repeat(MAX_MESSAGE));
    expect(messageOf('x'.repeat(MAX_MESSAGE + 1))).toBe(
      `${'x'.repeat(MAX_MESSAGE)}... (${MAX_MESSAGE + 1} characters)`,
    );
    const stack = toStatus(new TypeError('y'.repeat(1 << 20)), call()).stack ?? '';
    expect(stack.length).toBeLessThan(MAX_MESSAGE + 100);
  });

  it('is not cut in the middle of a character', () => {
    const { message } = toStatus(new RpcError(Code.INTERNAL, `x${'😀'.repeat(MAX_MESSAGE)}`), call());
    expect(message).not.toMatch(/\p{Cs}/u); // half a character
  });

  it('ends with the cause', () => {
    const thrown = new RpcError(Code.INTERNAL, 'create the container "web"', { cause: new Error('no space left') });
    expect(toStatus(thrown, call())).toEqual({
      code: Code.INTERNAL,
      message: 'create the container "web": no space left',
    });
  });

  it.each([
    ['registry', 'RegistryUnavailable: away'],
    ['signature', 'SignatureValidationFailed: away'],
    ['other', 'away'],
  ] as const)('begins for a pull that failed by %s with the word kubelet looks for', (kind, message) => {
    expect(toStatus(new PullError(kind, 'away'), call()).message).toBe(message);
  });

  it.each([
    ['ContainerStatus', true],
    ['PodSandboxStatus', true],
    ['ContainerStats', true],
    ['PodSandboxStats', true],
    ['StartContainer', undefined],
    ['ExecSync', undefined],
  ])('is expected when %s asks about what is gone: %s', (method, expected) => {
    expect(toStatus(notFound('container', 'x'), { ...call(), method }).expected).toBe(expected);
    expect(toStatus(invalid('container_id', 'is empty'), { ...call(), method }).expected).toBeUndefined();
  });

  it('has the stack when nobody foresaw it, and only then', () => {
    expect(toStatus(notFound('container', 'x'), call()).stack).toBeUndefined();
    expect(toStatus(new TypeError('x is undefined'), call()).stack).toContain('errors.test');
    expect(toStatus('not even an error', call()).stack).toBe('none');
  });

  it.each([
    ['GetContainerEvents', Code.CANCELLED, true],
    ['GetContainerEvents', Code.DEADLINE_EXCEEDED, true],
    ['GetContainerEvents', Code.UNAVAILABLE, true],
    ['StreamContainers', Code.CANCELLED, undefined],
    ['StopContainer', Code.DEADLINE_EXCEEDED, undefined],
  ])('is expected when %s was ended from outside (%s): %s', (method, code, expected) => {
    const reason = new RpcError(code, 'enough');
    const ended = { ...call(), method, signal: AbortSignal.abort(reason) };
    expect(toStatus(reason, ended)).toEqual({ code, message: 'enough', ...(expected && { expected }) });
    expect(toStatus(new RpcError(code, 'another'), ended).expected).toBeUndefined();
    expect(toStatus(reason, { ...call(), method }).expected).toBeUndefined();
  });

  it('is expected when events were dropped: that was logged when it was done', () => {
    expect(toStatus(new EventsDropped({ events: 1, bytes: 1 }), call()).expected).toBe(true);
  });
});
