import type { ImageServiceDefinition } from '../../generated/cri/v1/api';
import type { ServiceImpl } from '../rpc/service';
import type { CriDeps } from './deps';
import { imageFsInfo } from './image/image-fs-info';
import { imageStatus } from './image/image-status';
import { listImages } from './image/list-images';
import { pullImage } from './image/pull-image';
import { removeImage } from './image/remove-image';
import { streamImages } from './image/stream-images';

/** Every RPC of CRI's ImageService: one row each, or the compiler asks for it. */
export const imageService = (deps: CriDeps): ServiceImpl<typeof ImageServiceDefinition> => ({
  listImages: (req) => listImages(deps, req),
  streamImages: (req) => streamImages(deps, req),
  imageStatus: (req, call) => imageStatus(deps, req, call),
  pullImage: (req, call) => pullImage(deps, req, call),
  removeImage: (req, call) => removeImage(deps, req, call),
  imageFsInfo: () => imageFsInfo(deps),
});
