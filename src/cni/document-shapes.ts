import { goList, goStruct } from '../base/json/go-fields';

/**
 * The documents of CNI as its Go library declares them. Of a plugin's configuration only what the specification names is
 * here: the rest is the plugin's own.
 */

const DNS = goStruct('nameservers domain search options');

/** Configuration of one plugin; the keys of `capabilities` are names of capabilities. */
export const PLUGIN_CONF = goStruct(
  'cniVersion cniVersions name type capabilities args runtimeConfig prevResult ipMasq cni.dev/valid-attachments',
  { ipam: goStruct('type'), dns: DNS },
);

/** Configuration of a network. */
export const NETWORK_LIST = goStruct('cniVersion cniVersions name disableCheck disableGC loadOnlyInlinedPlugins', {
  plugins: goList(PLUGIN_CONF),
});

const ROUTES = goList(goStruct('dst gw mtu advmss priority table scope'));
const OLD_IP = goStruct('ip gateway', { routes: ROUTES });
const INTERFACES = goList(goStruct('name mac mtu sandbox socketPath pciID'));

const RESULT_FIELDS = {
  interfaces: INTERFACES,
  ips: goList(goStruct('version interface address gateway')),
  routes: ROUTES,
  dns: DNS,
  ip4: OLD_IP,
  ip6: OLD_IP,
};

/** Whatever a plugin prints: a result of any version, an error, or the versions it knows. */
export const PLUGIN_ANSWER = goStruct('cniVersion supportedVersions code msg details', RESULT_FIELDS);

/** A file of the library's cache. */
export const CACHE_ENTRY = goStruct('kind containerId config ifName networkName netns cniArgs capabilityArgs', {
  result: PLUGIN_ANSWER,
});
