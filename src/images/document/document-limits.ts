/**
 * How big the documents of an image may be. Their author chooses sizes, numbers and depths, and whoever pulls has to work through
 * them: at these limits no piece of that work holds the event loop for more than 50 ms. What is beyond a limit is refused.
 */

/** Registries and other clients keep to this as well (containers/image, distribution). */
export const MAX_MANIFEST_BYTES = 4 << 20;
/** Labels and history make a config long. containers/image has the same limit. */
export const MAX_CONFIG_BYTES = 4 << 20;
/** Commas, colons and opening brackets. A manifest of 500 layers with ten annotations each has 16,000. */
export const MAX_JSON_MARKS = 30_000;
/** Brackets within brackets. Documents of images have six. */
export const MAX_JSON_DEPTH = 100;
/** The kernel mounts no overlay of more layers (OVL_MAX_STACK), and other snapshotters are far slower by then. */
export const MAX_LAYERS = 500;
/** containerd keeps a label on an index for each of its entries. An image for all platforms there are has less than a hundred. */
export const MAX_INDEX_ENTRIES = 1000;
/** Indexes and manifests read to find one image. An index of 32 entries that do not say what they are for takes 33. */
export const MAX_DOCUMENTS = 64;
/** Addresses of one foreign layer, each of which may let a pull wait. Images have one or two. */
export const MAX_LAYER_URLS = 16;
/** Annotations of one layer that become labels of its snapshot. Remote snapshotters use up to five. */
export const MAX_SNAPSHOT_ANNOTATIONS = 64;
/** A type has two names of at most 127 characters (RFC 6838). */
export const MAX_MEDIA_TYPE = 255;
/** `user[:group]` of a config, and other values that are names. */
export const MAX_NAME = 1024;
/** A path, as the kernel takes it (PATH_MAX). */
export const MAX_PATH = 4096;
