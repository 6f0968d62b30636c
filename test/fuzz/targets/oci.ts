import { parseJson, stringifyJson } from '../../../src/base/json/json';
import { parseQuantity } from '../../../src/base/quantity';
import { CdiRegistry, cdiDeviceNames, cdiHostPaths } from '../../../src/oci/cdi/cdi';
import { parseCdiSpec } from '../../../src/oci/cdi/cdi-spec';
import { parseYaml } from '../../../src/oci/cdi/cdi-yaml';
import { matchGlob } from '../../../src/oci/glob';
import { imageVolumePaths } from '../../../src/oci/image-volumes';
import { OciError } from '../../../src/oci/oci-error';
import { criSignal, parseSignal } from '../../../src/oci/process/signal';
import { resolveUser, userFilesNeeded } from '../../../src/oci/process/user';
import { parseBlockIoClasses } from '../../../src/oci/resources/block-io';
import { parseSeccompProfile } from '../../../src/oci/security/seccomp';
import { COMMON_TOKENS, either, isSyntaxError, JSON_TOKENS, type Target } from '../target';

const YAML = `# a device
cdiVersion: "0.6.0"
kind: example.org/gpu
annotations: {a: 'it''s', b: [1, 2, {c: d}]}
devices:
- name: gpu0
  containerEdits:
    deviceNodes:
      - path: /dev/gpu0
        fileMode: 0o660
    mounts:
    - {hostPath: /a, containerPath: /b, options: [ro, bind]}
    hooks:
      - hookName: createContainer
        path: /usr/bin/hook
        env: ["A=b"]
containerEdits:
  env:
  - A=b
`;

const CDI = JSON.stringify({
  ...{ cdiVersion: '1.1.0', kind: 'example.org/net' },
  devices: [
    {
      name: 'a',
      containerEdits: {
        ...{
          env: ['A=b'],
          additionalGids: [5],
          intelRdt: { closID: 'a' },
          netDevices: [{ hostInterfaceName: 'a', name: 'b' }],
        },
        deviceNodes: [{ path: '/dev/a', type: 'c', major: 1, minor: 2, permissions: 'rw' }],
        hooks: [{ hookName: 'prestart', path: '/a', args: ['b'], timeout: 5 }],
      },
    },
  ],
});

/** Errors of CDI files and their YAML are plain ones; they never leave the registry. */
function isPlain(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'Error';
}

const yaml: Target = {
  name: 'oci/yaml',
  mibMs: 1000,
  seeds: [YAML, 'a: [[], {}, "\\u0041", 0x10]\nb:\n- - c\n  - d: e\n', '- a\n-\n  b: c'],
  tokens: [
    ...COMMON_TOKENS,
    '- ',
    '[',
    ']',
    '{',
    '}',
    '{a: ',
    ': ',
    'a:\n',
    'a: b\n',
    ' a:\n',
    '- a\n',
    '- - ',
    '# ',
    "''",
    '"a", ',
    '1, ',
  ],
  refuses: isPlain,
  read: (bytes) => parseYaml(bytes.toString('utf8')),
};

const cdi: Target = {
  name: 'oci/cdi',
  mibMs: 1000,
  seeds: [CDI, YAML],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '{"name":"a","containerEdits":{}},', '"A=b",', '- A=b\n'],
  refuses: isPlain,
  read(bytes) {
    const content = bytes.toString('utf8');
    const registry = CdiRegistry.parse([{ path: '/etc/cdi/a', content, priority: 0 }]);
    const [error] = registry.errors;
    if (error && /call stack|is not a function|Cannot /.test(error.message)) throw new TypeError(error.message);
    const names = registry.names();
    if (names.length === 0 && !error) throw new Error('it has neither devices nor an error');
    cdiHostPaths(registry.resolve(names.slice(0, 100)));
    if (!error && content.trimStart().startsWith('{')) parseCdiSpec(JSON.parse(content));
    return names.length > 0;
  },
};

const cdiNames: Target = {
  name: 'oci/cdi-names',
  seeds: ['example.org/gpu=0', 'example.org/gpu=0,example.org/net=a-b', 'a/b=c\0d'],
  tokens: [...COMMON_TOKENS, 'a/b=c,', '=', '/', ','],
  refuses: either(OciError),
  read: (bytes) => cdiDeviceNames([], { 'cdi.k8s.io/a': bytes.toString('utf8') }),
};

const blockIo: Target = {
  name: 'oci/block-io',
  mibMs: 1000,
  seeds: ['Classes:\n  low:\n  - Weight: 80\n  - Devices: ["/dev/sd[a-c]*"]\n    ThrottleReadBps: 10M\n'],
  tokens: [...COMMON_TOKENS, '- ', 'Classes:', 'Weight: 10\n', '10Mi', '[', '{'],
  refuses: isPlain,
  read: (bytes) => parseBlockIoClasses(bytes.toString('utf8')),
};

const quantities: Target = {
  name: 'base/quantities',
  seeds: ['1.5Gi', '10M', '-100m', '1e6', '0.5E'],
  tokens: [...COMMON_TOKENS, 'Ki', 'e', '.', '9'],
  read: (bytes) => parseQuantity(bytes.toString('latin1')),
};

const SECCOMP = JSON.stringify({
  ...{
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: ['SCMP_ARCH_X86_64'],
    flags: ['SECCOMP_FILTER_FLAG_LOG'],
  },
  listenerPath: '/run/a.sock',
  syscalls: [
    {
      ...{ names: ['clone'], action: 'SCMP_ACT_ALLOW', errnoRet: 38 },
      args: [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
  ],
});

const seccomp: Target = {
  name: 'oci/seccomp',
  mibMs: 250,
  seeds: [
    SECCOMP,
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"b","args":[{"op":"c","value":18446744073709551615}]}]}',
  ],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '{"names":["a"],"action":"b"},', '"clone",'],
  refuses: (thrown) => either(OciError)(thrown) || isSyntaxError(thrown),
  read: (bytes) => stringifyJson(parseSeccompProfile(parseJson(bytes.toString('utf8')))),
};

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\n# a comment\nweb:x:1000:1000::/home/web:/bin/sh\n';
const GROUP = 'root:x:0:\nwheel:x:10:root,web\nweb:x:1000:\n';

/** The first line is the image's user; what follows stands in both files. */
const users: Target = {
  name: 'oci/users',
  mibMs: 200,
  seeds: [`web\n${PASSWD}${GROUP}`, `1000:wheel\n${PASSWD}`, `\n${GROUP}`],
  tokens: [...COMMON_TOKENS, 'web', 'web:x:1:1:::\n', 'g:x:5:web\n', 'web,', 'a:x:5:a,web,b\n', '::::\n'],
  refuses: either(OciError),
  read(bytes) {
    const newline = bytes.indexOf(10);
    const imageUser = bytes.toString('utf8', 0, Math.max(newline, 0));
    const file = bytes.subarray(newline + 1);
    const input = { field: 'config.linux.security_context', imageUser, passwd: file, group: file };
    userFilesNeeded(input);
    const { uid, gid, additionalGids = [] } = resolveUser(input);
    if ([uid, gid, ...additionalGids].some((id) => !(id >= 0 && id < 2 ** 31))) throw new Error('an id that is none');
  },
};

/** A line each: what an image's config says. */
const imageWords: Target = {
  name: 'oci/image-words',
  seeds: ['SIGRTMIN+3\n/data', '15\n/data/../etc/', 'sigterm\n//a//./b\n/'],
  tokens: [...COMMON_TOKENS, 'SIG', 'RTMIN+', 'RTMAX-', '/a', '\n/b', '../', './'],
  refuses: either(OciError),
  read(bytes) {
    const [signal = '', ...volumes] = bytes.toString('utf8').split('\n');
    parseSignal(signal);
    criSignal(signal);
    imageVolumePaths(volumes, []);
  },
};

/** A pattern and the text it is held against, a line each. */
const globs: Target = {
  name: 'oci/globs',
  seeds: ['com.example.*\ncom.example.a', '/dev/sd[a-c]?\n/dev/sda1', 'a\\*b\na*b', '[^a-z]*\nA'],
  tokens: [...COMMON_TOKENS, '*', '**', '?', '[', ']', '[a-', '\\', 'a', '*a'],
  most: 4 << 10, // both may be so long at most: the time is that of one by the other
  read(bytes) {
    const [pattern = '', text = ''] = bytes.toString('utf8').split('\n', 2);
    matchGlob(pattern, text);
  },
};

export const OCI: readonly Target[] = [yaml, cdi, cdiNames, blockIo, quantities, seccomp, users, imageWords, globs];
