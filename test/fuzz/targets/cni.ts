import { readAsGo } from '../../../src/base/json/go-fields';
import { parseJson, stringifyJson } from '../../../src/base/json/json';
import { bandwidth } from '../../../src/cni/bandwidth';
import { CniError } from '../../../src/cni/cni-error';
import { CNI_VERSIONS } from '../../../src/cni/cni-version';
import { renderConfTemplate } from '../../../src/cni/conf-template';
import { PLUGIN_ANSWER } from '../../../src/cni/document-shapes';
import { parseObject } from '../../../src/cni/json-value';
import { networkJson, parseNetworkList } from '../../../src/cni/network-config';
import { podNetworkResult } from '../../../src/cni/pod-result';
import { parseResult, resultJson } from '../../../src/cni/result';
import { BadInputError } from '../../../src/host/bad-input';
import { COMMON_TOKENS, either, isSyntaxError, JSON_TOKENS, type Target } from '../target';

const RESULT = JSON.stringify({
  cniVersion: '1.1.0',
  interfaces: [
    { name: 'cni0', mac: '00:11:22:33:44:55' },
    { name: 'eth0', mac: '00:11:22:33:44:56', sandbox: '/var/run/netns/a', mtu: 1500, pciID: 'a', socketPath: '/b' },
  ],
  ips: [{ interface: 1, address: '10.1.0.5/16', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400 }],
  dns: { nameservers: ['10.1.0.1'], domain: 'a', search: ['b'], options: ['c'] },
});
const OLD_RESULT = JSON.stringify({
  ...{ cniVersion: '0.2.0', ip4: { ip: '10.1.0.5/16', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }] } },
  ip6: { ip: 'fd00::5/64' },
});
const LIST = JSON.stringify({
  ...{ cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.0.0'], name: 'pods', disableCheck: true },
  plugins: [
    {
      type: 'bridge',
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/16' }]] },
      capabilities: { portMappings: true },
    },
    { type: 'portmap', capabilities: { portMappings: true }, dns: { nameservers: ['1.1.1.1'] } },
  ],
});
const ADDRESS = '{"address":"10.1.0.5/16"},';

const results: Target = {
  name: 'cni/results',
  mibMs: 600,
  seeds: [RESULT, OLD_RESULT, '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.0.5/16","interface":-1}]}'],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, ADDRESS, '{"name":"a"},', '{"dst":"0.0.0.0/0"},', '"interface":0,'],
  refuses: either(CniError),
  read(bytes) {
    const answer = readAsGo(parseObject(bytes.toString('utf8')), PLUGIN_ANSWER);
    if (answer === undefined) return;
    const result = parseResult(answer, '1.0.0');
    for (const version of CNI_VERSIONS) stringifyJson(resultJson(result, version));
    stringifyJson(podNetworkResult([result, result], 'ipv4').cniResult);
  },
};

const networks: Target = {
  name: 'cni/networks',
  mibMs: 300,
  seeds: [LIST, '{"name":"a","plugins":[{"type":"b","n":12345678901234567890}]}'],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '{"type":"a"},', '"1.0.0",'],
  refuses: (thrown) => either(CniError)(thrown) || isSyntaxError(thrown),
  read: (bytes) => stringifyJson(networkJson(parseNetworkList(bytes))),
};

const templates: Target = {
  name: 'cni/templates',
  mibMs: 500,
  seeds: [
    '{"subnet":"{{.PodCIDR}}","routes":[{{range $i, $r := .Routes}}{{if $i}},{{end}}{"dst":"{{$r}}"}{{end}}]}',
    '{{- /* a comment */ -}}{{range .PodCIDRRanges}}{{.}}{{else}}none{{end}}',
  ],
  tokens: [
    ...COMMON_TOKENS,
    '{{',
    '}}',
    '{{end}}',
    '{{else}}',
    '{{if .PodCIDR}}',
    '{{range .Routes}}',
    '{{.PodCIDR}}',
    '{{- ',
    ' -}}',
    '{{if .}}{{end}}',
  ],
  most: 64 << 10, // an administrator's file
  refuses: either(CniError),
  read: (bytes) => renderConfTemplate(bytes.toString('utf8'), ['10.1.0.0/16', 'fd00::/64']),
};

const bandwidths: Target = {
  name: 'cni/bandwidths',
  seeds: ['10M', '1e6', '1P'],
  tokens: [...COMMON_TOKENS, 'M', 'Ki', '.'],
  refuses: either(BadInputError),
  read(bytes) {
    const text = bytes.toString('utf8');
    stringifyJson(bandwidth({ 'kubernetes.io/ingress-bandwidth': text, 'kubernetes.io/egress-bandwidth': text }));
  },
};

const json: Target = {
  name: 'base/json',
  mibMs: 300,
  seeds: [
    '{"a":[12345678901234567,-9223372036854775808,1.5e3,"\\u00e4\\"",true,null]}',
    '12345678901234567',
    '{"a":{"b":{}}}',
  ],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '1234567890', '"\\\\', '{"12345678901234567":', '[12345678901234567,'],
  refuses: isSyntaxError,
  read(bytes) {
    const text = bytes.toString('utf8');
    const value = parseJson(text);
    const again = stringifyJson(value);
    if (stringifyJson(parseJson(again)) !== again) throw new Error('it is read differently the second time');
  },
};

export const CNI: readonly Target[] = [results, networks, templates, bandwidths, json];
