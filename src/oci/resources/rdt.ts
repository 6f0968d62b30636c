import { goMap, goStruct, readAsGo } from '../../base/json/go-fields';
import { parseYaml } from '../cdi/cdi-yaml';
import { asTable } from './resource-classes';

/** Who may ask for an RDT class. */
export interface RdtClass {
  readonly denyPodAnnotation: boolean;
  readonly denyContainerAnnotation: boolean;
}

const CLASS = goStruct('', { kubernetes: goStruct('denyPodAnnotation denyContainerAnnotation') });
/** A file as goresctrl, which containerd reads it with, declares it. */
const FILE_SHAPE = goStruct('', { partitions: goMap(goStruct('', { classes: goMap(CLASS) })) });

/**
 * The classes of an RDT configuration file, in the format that containerd's `rdt_config_file` has: the daemon makes a
 * group of the kernel's resource control for each, and runtimes put containers into it by its name. How much cache and
 * bandwidth it has is the daemon's business. Throws an Error that names what is wrong.
 */
export function parseRdtClasses(text: string): ReadonlyMap<string, RdtClass> {
  const file = asTable(readAsGo(parseYaml(text) ?? {}, FILE_SHAPE), 'the file');
  const partitions = Object.entries(asTable(file.partitions ?? {}, 'partitions'));
  return new Map(
    partitions.flatMap(([partition, value]) => {
      const path = `partitions.${partition}`;
      const classes = asTable(asTable(value, path).classes ?? {}, `${path}.classes`);
      return Object.entries(classes).map(([name, settings]): [string, RdtClass] => [
        name,
        readClass(settings, `${path}.classes.${name}`),
      ]);
    }),
  );
}

function readClass(settings: unknown, path: string): RdtClass {
  const { kubernetes = {} } = asTable(settings ?? {}, path);
  const { denyPodAnnotation, denyContainerAnnotation } = asTable(kubernetes ?? {}, `${path}.kubernetes`);
  return { denyPodAnnotation: denyPodAnnotation === true, denyContainerAnnotation: denyContainerAnnotation === true };
}
