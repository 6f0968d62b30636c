import { spawnSync } from 'node:child_process';
import { containerArgs } from '../../../../src/oci/process/process-args';
import { MAX_ARGUMENT_BYTES, MAX_PROCESS_BYTES } from '../../../../src/oci/process/process-limits';
import { heldFor, MOST_MS } from '../../../support/held-for';
import { checkContainer, checkProcessSize, containerEnv, containerSpec, execProcess } from '../at-once';
import { container, containerInput, imageConfig, pod, settings, thrownBy, withRequest } from '../fixtures';

/** Of ASCII, and of characters of two bytes in UTF-8. */
const ofBytes = (bytes: number, character = 'x'): string => character.repeat(bytes / Buffer.byteLength(character));
/** With the NUL behind it one is at the limit. */
const AT = MAX_ARGUMENT_BYTES - 1;
const spec = { ociVersion: '1.0.0', process: { user: { uid: 0, gid: 0 }, cwd: '/', args: ['/app'], env: ['A=1'] } };
const image = { entrypoint: [], cmd: [] };
const none = { hostname: 'h', imageEnv: [], envs: [], tty: false };

describe('One argument', () => {
  it('is refused where the kernel refuses it, and not before', () => {
    expect(spawnSync('/bin/true', [ofBytes(AT)]).status).toBe(0);
    expect(spawnSync('/bin/true', [ofBytes(AT + 1)]).error).toMatchObject({ code: 'E2BIG' });
  });

  it.each<[string, (argument: string) => unknown, string]>([
    ['of an exec', (each) => execProcess(spec.process, { cmd: ['/x', each], tty: false }), 'cmd[1]'],
    ['of a command', (each) => containerArgs({ command: ['/x', each], args: [] }, image), 'config.command[1]'],
    ['of the arguments', (each) => containerArgs({ command: ['/x'], args: [each] }, image), 'config.args[0]'],
    [
      'of an entrypoint',
      (each) => containerArgs({ command: [], args: [] }, { ...image, entrypoint: [each] }),
      'image.config.Entrypoint[0]',
    ],
    ['of a CMD', (each) => containerArgs({ command: [], args: [] }, { ...image, cmd: [each] }), 'image.config.Cmd[0]'],
  ])('%s is taken up to 128 KiB with its NUL', (_where, act, field) => {
    act(ofBytes(AT));
    act(ofBytes(AT - 1, 'ä'));
    for (const above of [ofBytes(AT + 1), ofBytes(AT + 1, 'ä')]) {
      expect(thrownBy(() => act(above))).toMatchObject({ name: 'OciError', code: 'INVALID_ARGUMENT', field });
    }
  });
});

describe('One variable', () => {
  const envs = (bytes: number) => [{ key: 'A', value: Buffer.alloc(bytes - 'A='.length, 'x') }];

  it.each<[string, (bytes: number) => unknown, string]>([
    ['of a request', (bytes) => containerEnv({ ...none, envs: envs(bytes) }), 'config.envs[0]'],
    ['of an image', (bytes) => containerEnv({ ...none, imageEnv: ['B=1', ofBytes(bytes)] }), 'image.config.Env[1]'],
    [
      'of a base spec',
      (bytes) => {
        const base = { ociVersion: '1.0.0', process: { cwd: '/', env: [`B=${ofBytes(bytes - 2)}`] } };
        return containerSpec(containerInput({ base } as never));
      },
      'process.env',
    ],
  ])('%s is taken up to 128 KiB with its NUL', (_where, act, field) => {
    act(AT);
    expect(thrownBy(() => act(AT + 1))).toMatchObject({
      name: 'OciError',
      code: 'INVALID_ARGUMENT',
      field: expect.stringContaining(field),
    });
  });
});

describe('All arguments and variables', () => {
  const each = 100_000;
  const fill = Math.floor(MAX_PROCESS_BYTES / (each + 9));
  const rest = MAX_PROCESS_BYTES - fill * (each + 9) - 9;
  const at = [...Array.from({ length: fill }, () => ofBytes(each)), ofBytes(rest)];

  it('are taken up to 6 MiB with their NULs and pointers', () => {
    checkProcessSize({ args: at, env: [] }, 'cmd');
    checkProcessSize({ args: at.slice(1), env: at.slice(0, 1) }, 'cmd');
    for (const [args, env] of [
      [[...at, ''], []],
      [at, ['']],
      [[`${at[fill]}x`, ...at.slice(0, fill)], []],
    ] as const) {
      expect(thrownBy(() => checkProcessSize({ args, env } as never, 'cmd'))).toMatchObject({
        field: 'cmd',
        code: 'INVALID_ARGUMENT',
      });
    }
  });

  it('are counted with what the container has, for an exec', () => {
    const own = { ...spec.process, env: ['A=1'] };
    expect(thrownBy(() => execProcess(own, { cmd: at, tty: false }))).toMatchObject({ field: 'cmd' });
  });

  it('of a request are refused before anything is made', () => {
    const input = withRequest({ command: ['/x'], args: at });
    const asked = {
      ...input,
      image: { config: imageConfig() },
      config: container({ command: ['/x'], args: at }),
      sandboxConfig: pod(),
      settings,
    };
    expect(thrownBy(() => checkContainer(asked as never))).toMatchObject({ field: 'config.args' });
  });

  it('may be 4 MiB, as kubectl has them', () => {
    const args = Array.from({ length: 64 }, () => ofBytes(65_536));
    expect(execProcess(spec.process, { cmd: ['/x', ...args], tty: false }).args).toHaveLength(65);
  });

  it('are looked at in no time', () => {
    const small = Array.from({ length: 65_536 }, (_, i) => String(i).padStart(80, 'x'));
    const act = (): unknown => execProcess({ ...spec.process, env: [] }, { cmd: small, tty: true });
    const tryIt = (): unknown => {
      try {
        return act();
      } catch (error) {
        return error;
      }
    };
    expect(heldFor('exec of 65,536 arguments', tryIt)).toBeLessThan(MOST_MS);
    expect(
      heldFor('exec of 4 MiB in 64 arguments', () => execProcess(spec.process, { cmd: at.slice(0, 40), tty: true })),
    ).toBeLessThan(MOST_MS);
  });
});
