import { ContainerConfig, PodSandboxConfig } from '../../../generated/cri/v1/api';
import { atOnce } from '../../../src/base/work/pieces';
import type { ContainerMetadata } from '../../../src/model/container';
import type { SandboxMetadata } from '../../../src/model/sandbox';
import { parseSignal } from '../../../src/oci/process/signal';
import {
  containerMetadataExtension,
  encodeSandboxMetadata,
  parseContainerMetadata,
  parseSandboxMetadata,
  sandboxMetadataExtension,
} from '../../../src/state/records';

const written = (...metadata: Parameters<typeof containerMetadataExtension>): Buffer =>
  atOnce(containerMetadataExtension(...metadata)).value;

const read = (bytes: Buffer): ContainerMetadata | undefined => atOnce(parseContainerMetadata(bytes));

const sandbox: SandboxMetadata = {
  id: 'a'.repeat(64),
  name: 'web_shop_uid_0',
  config: PodSandboxConfig.fromPartial({ metadata: { name: 'web', namespace: 'shop', uid: 'uid' } }),
  runtimeHandler: '',
  netnsPath: '/run/netns/cni-1',
  ip: '10.0.0.2',
  additionalIps: ['fd00::2'],
  cniResult: {
    Interfaces: { eth0: { IPConfigs: [{ IP: '10.0.0.2', Gateway: '' }], Mac: '', Sandbox: '' } },
    DNS: [{}],
    Routes: null,
  },
  processLabel: '',
};

const container: ContainerMetadata = {
  id: 'b'.repeat(64),
  name: 'app_web_shop_uid_0',
  sandboxId: 'a'.repeat(64),
  config: ContainerConfig.fromPartial({ metadata: { name: 'app' }, envs: [{ key: 'A', value: Buffer.from('b') }] }),
  imageRef: 'sha256:1',
  imageDigest: '',
  imageName: '',
  logPath: '/var/log/pods/0.log',
  stopSignal: 'SIGTERM',
  processLabel: '',
};

describe('sandbox metadata', () => {
  it('is written with the members of the Go struct, in their order', () => {
    expect(encodeSandboxMetadata(sandbox)).toBe(
      `{"Version":"v1","Metadata":{"ID":"${sandbox.id}","Name":"web_shop_uid_0",` +
        '"Config":{"metadata":{"name":"web","uid":"uid","namespace":"shop"}},"NetNSPath":"/run/netns/cni-1",' +
        '"IP":"10.0.0.2","AdditionalIPs":["fd00::2"],"RuntimeHandler":"",' +
        '"CNIResult":{"Interfaces":{"eth0":{"IPConfigs":[{"IP":"10.0.0.2","Gateway":""}],"Mac":"","Sandbox":""}},' +
        '"DNS":[{}],"Routes":null},"ProcessLabel":""}}',
    );
  });

  it('is null where Go has nil', () => {
    const text = encodeSandboxMetadata({ ...sandbox, additionalIps: [], cniResult: undefined });
    expect(JSON.parse(text).Metadata).toMatchObject({ AdditionalIPs: null, CNIResult: null });
  });

  it('is read back as it was', () => {
    expect(parseSandboxMetadata(sandboxMetadataExtension(sandbox).value)).toEqual(sandbox);
    const host = { ...sandbox, additionalIps: [], cniResult: undefined, ip: '', netnsPath: '' };
    expect(parseSandboxMetadata(Buffer.from(encodeSandboxMetadata(host)))).toEqual(host);
  });

  it('keeps what a newer program has added', () => {
    const stored = JSON.parse(encodeSandboxMetadata(sandbox));
    stored.Metadata.Endpoint = { Address: 'unix:///x', Version: 3 };
    const read = parseSandboxMetadata(Buffer.from(JSON.stringify(stored)));
    if (!read) throw new Error('not read');
    read.ip = '10.0.0.3';
    stored.Metadata.IP = '10.0.0.3';
    expect(JSON.parse(encodeSandboxMetadata(read))).toEqual(stored);
  });

  it.each([
    ['empty', ''],
    ['torn', encodeSandboxMetadata(sandbox).slice(0, 100)],
    ['of another version', '{"Version":"v2","Metadata":{"ID":"a"}}'],
    ['without an id', '{"Version":"v1","Metadata":{}}'],
    ['no object', '[]'],
    ['of wrong types', '{"Version":"v1","Metadata":{"ID":"a","Config":{"hostname":1}}}'],
  ])('is undefined when it is %s', (_name, text) => {
    expect(parseSandboxMetadata(Buffer.from(text))).toBeUndefined();
  });
});

describe('container metadata', () => {
  it('is written without the members that older plugins do not know, unless there is something in them', () => {
    expect(Object.keys(JSON.parse(written(container).toString()).Metadata)).toEqual([
      'ID',
      'Name',
      'SandboxID',
      'Config',
      'ImageRef',
      'LogPath',
      'StopSignal',
      'ProcessLabel',
    ]);
    const full = { ...container, imageDigest: 'sha256:2', imageName: 'docker.io/library/x:1' };
    expect(JSON.parse(written(full).toString()).Metadata).toMatchObject({
      ImageDigest: 'sha256:2',
      ImageName: 'docker.io/library/x:1',
    });
  });

  it('is read back as it was, in either form of environment values', () => {
    expect(read(written(container))).toEqual(container);
    const other = written(container, { envs: 'base64' });
    expect(other.toString()).toContain('{"key":"A","value":"Yg=="}');
    expect(read(other)).toEqual(container);
  });

  it.each([
    ['SIGNAL_SIGTERM', 'SIGTERM', 15],
    ['SIGNAL_SIGRTMIN+3', 'SIGRTMIN+3', 37],
    ['SIGRTMAX-1', 'SIGRTMAX-1', 63],
    ['9', '9', 9],
    ['', '', undefined],
  ])('with the stop signal %j is read as with %j', (stored, stopSignal, number) => {
    const again = read(written({ ...container, stopSignal: stored }));
    expect(again).toEqual({ ...container, stopSignal });
    expect(parseSignal(stopSignal)).toBe(number);
  });

  it('is undefined when it is torn', () => {
    expect(read(Buffer.from(written(container).toString().slice(0, -1)))).toBeUndefined();
  });
});
