import { type DNSConfig, NamespaceMode } from '../../generated/cri/v1/api';
import { checkPath } from './check-path';
import type { SandboxSpecInput } from './inputs';
import { checkSandboxModes } from './namespaces';
import { OciError } from './oci-error';
import { checkUser } from './process/user';
import { usernsMappings } from './process/userns';
import { cgroupsPath } from './resources/cgroups-path';
import { chooseSeccomp } from './security/seccomp';
import { sandboxSysctls } from './sysctls';

/** What of a pod is known before anything is made for it. */
export type SandboxAsked = Pick<SandboxSpecInput, 'config' | 'facts' | 'settings' | 'handler'>;

/** The most that sethostname(2) takes. */
const HOSTNAME_BYTES = 64;

/**
 * Throws an OciError for what is wrong with the configuration of a pod and can be known without a look at the host.
 * RunPodSandbox calls it before it makes anything.
 */
export function checkSandbox({ config, facts, settings, handler }: SandboxAsked): void {
  const securityContext = config.linux?.securityContext;
  const options = securityContext?.namespaceOptions;
  const { network } = checkSandboxModes(options);
  const userns = usernsMappings(options?.usernsOptions);
  sandboxSysctls(config, userns !== undefined, settings);
  cgroupsPath(config.linux?.cgroupParent ?? '', '', handler);
  chooseSeccomp({ securityContext, facts, settings });
  checkUser({ field: 'config.linux.security_context', securityContext, imageUser: '' });
  checkPath(config.logDirectory, 'config.log_directory');
  checkDns(config.dnsConfig);
  oneWord(config.hostname, 'config.hostname');
  // A pod on the node's network keeps the node's name.
  if (network !== NamespaceMode.NODE) checkHostname(config.hostname);
}

function checkHostname(hostname: string): void {
  const bytes = Buffer.byteLength(hostname);
  if (bytes <= HOSTNAME_BYTES) return;
  throw new OciError('config.hostname', `has ${bytes} bytes, ${HOSTNAME_BYTES} are the limit`);
}

/** Each becomes a word of resolv.conf. */
function checkDns(dns: DNSConfig | undefined): void {
  for (const part of ['servers', 'searches', 'options'] as const) {
    for (const [i, value] of (dns?.[part] ?? []).entries()) oneWord(value, `config.dns_config.${part}[${i}]`);
  }
}

/** A value with white space or control characters would add words or lines of its own to a file. */
function oneWord(value: string, field: string): void {
  if (/[\s\p{Cc}]/u.test(value)) throw new OciError(field, `${JSON.stringify(value)} is not one word`);
}
