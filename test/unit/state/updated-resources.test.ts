import { LinuxContainerResources } from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../../src/base/json/json';
import {
  parseUpdatedResources,
  parseUpdatedResourcesMember,
  updatedResourcesExtension,
  updatedResourcesMember,
} from '../../../src/state/updated-resources';

const resources = LinuxContainerResources.fromPartial({ cpuShares: 2n, unified: { 'memory.high': '1' } });

describe('the updated resources of a pod', () => {
  it('are read back from an extension, and as Go writes them', () => {
    expect(parseUpdatedResources(updatedResourcesExtension({ resources }).value)).toEqual({
      overhead: undefined,
      resources,
    });
    const go = Buffer.from('{"Overhead":{"cpu_quota":-1},"Resources":null}');
    const overhead = LinuxContainerResources.fromPartial({ cpuQuota: -1n });
    expect(parseUpdatedResources(go)).toEqual({ overhead, resources: undefined });
  });

  it('are read back from beside the metadata in a journal file', () => {
    const journal = stringifyJson({ Version: 'v1', Metadata: {}, ...updatedResourcesMember({ overhead: resources }) });
    expect(parseUpdatedResourcesMember(Buffer.from(journal))).toEqual({ overhead: resources, resources: undefined });
  });

  it.each(['', '{', '[]', '"x"', '{"Resources":{"cpu_shares":"two"}}'])('are none in what is torn: %j', (text) => {
    expect(parseUpdatedResources(Buffer.from(text))).toBeUndefined();
    expect(parseUpdatedResourcesMember(Buffer.from(text))).toBeUndefined();
  });

  it('are none in a journal file that says nothing of them', () => {
    expect(parseUpdatedResourcesMember(Buffer.from('{"Version":"v1","Metadata":{}}'))).toBeUndefined();
  });
});
