import { stringifyJson } from '../../../src/base/json/json';
import { atOnce } from '../../../src/base/work/pieces';
import { toCriContainerStatus, toCriSandboxStatus } from '../../../src/state/cri-shapes';
import { hasTornSpec, partialContainerMetadata, partialSandboxMetadata } from '../../../src/state/partial-metadata';
import {
  containerMetadataExtension,
  encodeSandboxMetadata,
  parseContainerMetadata,
  parseSandboxMetadata,
} from '../../../src/state/records';
import { encodeStatusFile, foreignMembers, parseStatusFile } from '../../../src/state/status-file';
import { parseUpdatedResources, parseUpdatedResourcesMember } from '../../../src/state/updated-resources';
import { COMMON_TOKENS, JSON_TOKENS, type Target } from '../target';

const CONFIG = {
  metadata: { name: 'web', uid: 'u', namespace: 'default' },
  ...{ hostname: 'web', log_directory: '/var/log/pods/a', labels: { a: 'b' }, annotations: { c: 'd' } },
  port_mappings: [{ container_port: 80, host_port: 8080 }],
  linux: { security_context: { namespace_options: { pid: 1 }, run_as_user: { value: 1000 } }, sysctls: { 'a.b': 'c' } },
};
const SANDBOX = JSON.stringify({
  Version: 'v1',
  Metadata: {
    ...{ ID: 'a'.repeat(64), Name: 'web_default_u_0', Config: CONFIG, NetNSPath: '/var/run/netns/a', IP: '10.1.0.5' },
    ...{ AdditionalIPs: ['fd00::5'], RuntimeHandler: '', CNIResult: { Interfaces: { eth0: { IPConfigs: null } } } },
    ...{ ProcessLabel: '', Newer: { a: [1] } },
  },
});
const CONTAINER = JSON.stringify({
  Version: 'v1',
  Metadata: {
    ...{ ID: 'b'.repeat(64), Name: 'c_web', SandboxID: 'a'.repeat(64), ImageRef: `sha256:${'c'.repeat(64)}` },
    Config: {
      metadata: { name: 'c' },
      ...{ image: { image: 'busybox' }, command: ['sh'], envs: [{ key: 'A', value: 'Yg==' }], labels: { a: 'b' } },
      ...{
        mounts: [{ host_path: '/a', container_path: '/b' }],
        log_path: 'c.log',
        linux: { resources: { cpu_shares: 2 } },
      },
    },
    ...{ LogPath: '/var/log/pods/a/c.log', StopSignal: 'SIGNAL_SIGTERM' },
  },
});
const STATUS = JSON.stringify({
  ...{ Version: 'v1', Pid: 12, CreatedAt: 1700000000000000000, StartedAt: 2, FinishedAt: 0, ExitCode: 0 },
  ...{ Reason: 'a', Message: 'b', Resources: { linux: { cpu_quota: 5 } }, Newer: 1 },
});
const RESOURCES =
  '{"Overhead":{"cpu_period":100000},"Resources":null,"UpdatedResources":{"Resources":{"unified":{"a":"b"}}}}';
const DOCUMENT = [...COMMON_TOKENS, ...JSON_TOKENS, '"a":"b",', '{"key":"A","value":"b"},', '"fd00::5",'];

/** What is not understood is not there: no record may keep the others from being found again. */
const sandboxes: Target = {
  name: 'state/sandbox-records',
  mibMs: 300,
  seeds: [SANDBOX],
  tokens: DOCUMENT,
  read(bytes) {
    const metadata = parseSandboxMetadata(bytes);
    if (!metadata) return false;
    const text = encodeSandboxMetadata(metadata);
    if (parseSandboxMetadata(Buffer.from(text))?.id !== metadata.id)
      throw new Error('what is written is not read again');
    const status = { state: 'READY', createdAt: 1n } as const;
    toCriSandboxStatus({ metadata, status } as Parameters<typeof toCriSandboxStatus>[0], false);
    return true;
  },
};

const containers: Target = {
  name: 'state/container-records',
  mibMs: 300,
  seeds: [CONTAINER],
  tokens: DOCUMENT,
  read(bytes) {
    const metadata = atOnce(parseContainerMetadata(bytes));
    if (!metadata) return false;
    const { value } = atOnce(containerMetadataExtension(metadata));
    if (atOnce(parseContainerMetadata(value))?.id !== metadata.id) throw new Error('what is written is not read again');
    const status = parseStatusFile(Buffer.from(STATUS));
    toCriContainerStatus({ metadata, status } as Parameters<typeof toCriContainerStatus>[0], () => undefined);
    return true;
  },
};

const statusFiles: Target = {
  name: 'state/status-files',
  mibMs: 300,
  seeds: [STATUS],
  tokens: DOCUMENT,
  read(bytes) {
    const kept = foreignMembers(bytes);
    const status = parseStatusFile(bytes);
    if (!status) return false;
    if (!parseStatusFile(Buffer.from(encodeStatusFile(status, kept))))
      throw new Error('what is written is not read again');
    return true;
  },
};

const updates: Target = {
  name: 'state/updated-resources',
  mibMs: 300,
  seeds: [RESOURCES],
  tokens: DOCUMENT,
  read: (bytes) => stringifyJson([parseUpdatedResources(bytes), parseUpdatedResourcesMember(bytes)]),
};

const SPEC = JSON.stringify({
  ...{
    ociVersion: '1.0.2',
    annotations: { 'io.kubernetes.cri.sandbox-id': 'a', 'io.kubernetes.cri.container-name': 'b' },
  },
  linux: { namespaces: [{ type: 'network', path: '/var/run/netns/a' }, { type: 'pid' }] },
});

/** A record of containerd whose extension cannot be read: its spec says the rest. */
const specs: Target = {
  name: 'state/partial-metadata',
  mibMs: 300,
  seeds: [SPEC],
  tokens: DOCUMENT,
  read(bytes) {
    const record = { id: 'a', labels: {}, image: 'b', sandboxId: '', spec: { typeUrl: '', value: bytes } };
    hasTornSpec(record);
    encodeSandboxMetadata(partialSandboxMetadata(record));
    atOnce(containerMetadataExtension(partialContainerMetadata(record, 'c')));
  },
};

export const RECORDS: readonly Target[] = [sandboxes, containers, statusFiles, updates, specs];
