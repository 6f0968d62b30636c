export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const SCHEMA_1 = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];
const CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  'application/octet-stream', // as some old registries hand it out
];

/** What a registry is asked for, by preference of nobody: it sends what it has. */
export const ACCEPT_MANIFESTS = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX, '*/*'].join(', ');

/** Types that a server gives to whatever it does not know, or to any JSON: they say nothing of the content. */
const VAGUE = ['', 'application/json', 'application/octet-stream', 'text/plain', 'text/html'];

/** True for a type that does not tell what the content is. */
export function saysNothing(mediaType: string): boolean {
  return VAGUE.includes(bareType(mediaType));
}

export type DocumentKind = 'index' | 'manifest' | 'schema1';

/** What a document of this type is; undefined if the type does not tell. Parameters after `;` are ignored. */
export function documentKind(mediaType: string): DocumentKind | undefined {
  const type = bareType(mediaType);
  if (type === OCI_INDEX || type === DOCKER_LIST) return 'index';
  if (type === OCI_MANIFEST || type === DOCKER_MANIFEST) return 'manifest';
  return SCHEMA_1.includes(type) ? 'schema1' : undefined;
}

/** True for the configs that containers can be made from. */
export function isImageConfig(mediaType: string): boolean {
  return CONFIGS.includes(bareType(mediaType));
}

/** True also for types that say nothing, as Docker and CRI-O take them: the content will tell. */
export function mayBeImageConfig(mediaType: string): boolean {
  return isImageConfig(mediaType) || saysNothing(mediaType);
}

/** True for a layer of a root filesystem, in any compression, encrypted or not, or of a type that says nothing. */
export function isFilesystemLayer(mediaType: string): boolean {
  return (
    saysNothing(mediaType) || /^application\/vnd\.(?:docker|oci)\.image\.(?:rootfs|layer)\./.test(bareType(mediaType))
  );
}

/** True for layers that their licence keeps out of registries: they may be fetched from the addresses beside them. */
export function isForeignLayer(mediaType: string): boolean {
  return mediaType.includes('.foreign.') || mediaType.includes('.nondistributable.');
}

/** The type without its parameters. */
export function bareType(mediaType: string): string {
  const semicolon = mediaType.indexOf(';');
  return (semicolon < 0 ? mediaType : mediaType.slice(0, semicolon)).trim().toLowerCase();
}
