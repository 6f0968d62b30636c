import fc from 'fast-check';
import { MAX_VARIABLES } from '../../../../src/oci/process/env';
import { containerEnv, withEnv } from '../at-once';
import { thrownBy } from '../fixtures';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const value = (text: string) => Buffer.from(text);
const none = { hostname: 'h', imageEnv: [], envs: [], tty: false };

describe('withEnv', () => {
  it.each([
    [['A=1', 'B=2'], ['A=3'], ['A=3', 'B=2']],
    [['A=1'], ['B=2', 'B=3'], ['A=1', 'B=3']],
    [['A=1', 'B=2'], ['A'], ['B=2']],
    [['A=1'], ['A', 'A=2'], ['A=2']],
    [['A=1', 'A=2'], [], ['A=2']],
    [[], ['A=b=c', '__proto__=x'], ['A=b=c', '__proto__=x']],
  ])('%j changed by %j is %j', (env, changes, expected) => {
    expect(withEnv(env, changes)).toEqual(expected);
  });
});

describe('containerEnv', () => {
  it('is PATH, HOSTNAME, the image and the request, each variable once, the last word counting', () => {
    expect(
      containerEnv({
        hostname: 'h',
        imageEnv: ['PATH=/image', 'A=image', 'B=image'],
        envs: [
          { key: 'B', value: value('request') },
          { key: 'HOSTNAME', value: value('mine') },
        ],
        tty: true,
      }),
    ).toEqual(['PATH=/image', 'TERM=xterm', 'HOSTNAME=mine', 'A=image', 'B=request']);
  });

  it('has a PATH when nobody sets one', () => {
    expect(containerEnv(none)).toEqual([PATH, 'HOSTNAME=h']);
  });

  it('passes every UTF-8 value on unchanged', () => {
    const text = fc.string({ unit: 'binary' }).filter((each) => !each.includes('\0'));
    fc.assert(
      fc.property(text, (each) => {
        expect(containerEnv({ ...none, envs: [{ key: 'A', value: value(each) }] })[2]).toBe(`A=${each}`);
      }),
    );
    const marked = Buffer.from([0xef, 0xbb, 0xbf, 0x41]);
    expect(containerEnv({ ...none, envs: [{ key: 'A', value: marked }] })[2]).toBe('A=\ufeffA');
    expect(containerEnv({ ...none, envs: [{ key: 'A', value: value('a\ufffd') }] })[2]).toBe('A=a\ufffd');
  });

  it.each([
    [{ key: 'A', value: Buffer.from([0xff, 0xfe]) }, 'config.envs[1].value'],
    [{ key: 'A', value: Buffer.concat([value('\ufffd'), Buffer.from([0xff])]) }, 'config.envs[1].value'],
    [{ key: 'A', value: Buffer.from('a\0b') }, 'config.envs[1].value'],
    [{ key: '', value: value('x') }, 'config.envs[1].key'],
    [{ key: 'A=B', value: value('x') }, 'config.envs[1].key'],
    [{ key: 'A\0', value: value('x') }, 'config.envs[1].key'],
  ])('refuses %j and names it', (bad, field) => {
    const envs = [{ key: 'GOOD', value: value('1') }, bad];
    expect(thrownBy(() => containerEnv({ ...none, envs }))).toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('takes as many variables of an image as a container may have, and refuses one more', () => {
    const imageEnv = (count: number) => Array.from({ length: count }, (_, at) => `V${at}=1`);
    expect(containerEnv({ ...none, imageEnv: imageEnv(MAX_VARIABLES) })).toHaveLength(MAX_VARIABLES + 2);
    expect(thrownBy(() => containerEnv({ ...none, imageEnv: imageEnv(MAX_VARIABLES + 1) }))).toMatchObject({
      field: 'image.config.Env',
    });
  });
});
