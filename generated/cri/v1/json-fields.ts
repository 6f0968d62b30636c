// Written by scripts/generate-json-fields.mjs from cri/v1/api.proto. DO NOT EDIT.

/* eslint-disable */
import type * as api from './api';

/** What one field holds: a scalar, a message, or a map from strings. */
export type JsonType = 'string' | 'bytes' | 'bool' | 'number' | 'bigint' | { message: JsonMessage } | { map: JsonType };

/** One field: its key in Go's JSON, its key in our message object, its number on the wire, and what it holds. */
export interface JsonField {
  readonly json: string;
  readonly key: string;
  readonly no: number;
  readonly type: JsonType;
  readonly repeated?: true;
}

/** Our type of each message. */
export interface JsonMessages {
  AttachRequest: api.AttachRequest;
  AttachResponse: api.AttachResponse;
  AuthConfig: api.AuthConfig;
  CDIDevice: api.CDIDevice;
  Capability: api.Capability;
  CheckpointContainerRequest: api.CheckpointContainerRequest;
  CheckpointContainerResponse: api.CheckpointContainerResponse;
  CheckpointPodRequest: api.CheckpointPodRequest;
  CheckpointPodResponse: api.CheckpointPodResponse;
  Container: api.Container;
  ContainerAttributes: api.ContainerAttributes;
  ContainerConfig: api.ContainerConfig;
  ContainerEventResponse: api.ContainerEventResponse;
  ContainerFilter: api.ContainerFilter;
  ContainerMetadata: api.ContainerMetadata;
  ContainerMetrics: api.ContainerMetrics;
  ContainerResources: api.ContainerResources;
  ContainerStateValue: api.ContainerStateValue;
  ContainerStats: api.ContainerStats;
  ContainerStatsFilter: api.ContainerStatsFilter;
  ContainerStatsRequest: api.ContainerStatsRequest;
  ContainerStatsResponse: api.ContainerStatsResponse;
  ContainerStatus: api.ContainerStatus;
  ContainerStatusRequest: api.ContainerStatusRequest;
  ContainerStatusResponse: api.ContainerStatusResponse;
  ContainerUser: api.ContainerUser;
  CpuUsage: api.CpuUsage;
  CreateContainerRequest: api.CreateContainerRequest;
  CreateContainerResponse: api.CreateContainerResponse;
  DNSConfig: api.DNSConfig;
  Device: api.Device;
  ExecRequest: api.ExecRequest;
  ExecResponse: api.ExecResponse;
  ExecSyncRequest: api.ExecSyncRequest;
  ExecSyncResponse: api.ExecSyncResponse;
  FilesystemIdentifier: api.FilesystemIdentifier;
  FilesystemUsage: api.FilesystemUsage;
  GetEventsRequest: api.GetEventsRequest;
  HugepageLimit: api.HugepageLimit;
  IDMapping: api.IDMapping;
  Image: api.Image;
  ImageFilter: api.ImageFilter;
  ImageFsInfoRequest: api.ImageFsInfoRequest;
  ImageFsInfoResponse: api.ImageFsInfoResponse;
  ImageSpec: api.ImageSpec;
  ImageStatusRequest: api.ImageStatusRequest;
  ImageStatusResponse: api.ImageStatusResponse;
  Int64Value: api.Int64Value;
  IoUsage: api.IoUsage;
  KeyValue: api.KeyValue;
  LinuxContainerConfig: api.LinuxContainerConfig;
  LinuxContainerResources: api.LinuxContainerResources;
  LinuxContainerSecurityContext: api.LinuxContainerSecurityContext;
  LinuxContainerUser: api.LinuxContainerUser;
  LinuxPodSandboxConfig: api.LinuxPodSandboxConfig;
  LinuxPodSandboxStats: api.LinuxPodSandboxStats;
  LinuxPodSandboxStatus: api.LinuxPodSandboxStatus;
  LinuxRuntimeConfiguration: api.LinuxRuntimeConfiguration;
  LinuxSandboxSecurityContext: api.LinuxSandboxSecurityContext;
  ListContainerStatsRequest: api.ListContainerStatsRequest;
  ListContainerStatsResponse: api.ListContainerStatsResponse;
  ListContainersRequest: api.ListContainersRequest;
  ListContainersResponse: api.ListContainersResponse;
  ListImagesRequest: api.ListImagesRequest;
  ListImagesResponse: api.ListImagesResponse;
  ListMetricDescriptorsRequest: api.ListMetricDescriptorsRequest;
  ListMetricDescriptorsResponse: api.ListMetricDescriptorsResponse;
  ListPodSandboxMetricsRequest: api.ListPodSandboxMetricsRequest;
  ListPodSandboxMetricsResponse: api.ListPodSandboxMetricsResponse;
  ListPodSandboxRequest: api.ListPodSandboxRequest;
  ListPodSandboxResponse: api.ListPodSandboxResponse;
  ListPodSandboxStatsRequest: api.ListPodSandboxStatsRequest;
  ListPodSandboxStatsResponse: api.ListPodSandboxStatsResponse;
  MemoryUsage: api.MemoryUsage;
  Metric: api.Metric;
  MetricDescriptor: api.MetricDescriptor;
  Mount: api.Mount;
  Namespace: api.Namespace;
  NamespaceOption: api.NamespaceOption;
  NetworkConfig: api.NetworkConfig;
  NetworkInterfaceUsage: api.NetworkInterfaceUsage;
  NetworkUsage: api.NetworkUsage;
  PodIP: api.PodIP;
  PodSandbox: api.PodSandbox;
  PodSandboxAttributes: api.PodSandboxAttributes;
  PodSandboxConfig: api.PodSandboxConfig;
  PodSandboxFilter: api.PodSandboxFilter;
  PodSandboxMetadata: api.PodSandboxMetadata;
  PodSandboxMetrics: api.PodSandboxMetrics;
  PodSandboxNetworkStatus: api.PodSandboxNetworkStatus;
  PodSandboxStateValue: api.PodSandboxStateValue;
  PodSandboxStats: api.PodSandboxStats;
  PodSandboxStatsFilter: api.PodSandboxStatsFilter;
  PodSandboxStatsRequest: api.PodSandboxStatsRequest;
  PodSandboxStatsResponse: api.PodSandboxStatsResponse;
  PodSandboxStatus: api.PodSandboxStatus;
  PodSandboxStatusRequest: api.PodSandboxStatusRequest;
  PodSandboxStatusResponse: api.PodSandboxStatusResponse;
  PortForwardRequest: api.PortForwardRequest;
  PortForwardResponse: api.PortForwardResponse;
  PortMapping: api.PortMapping;
  ProcessUsage: api.ProcessUsage;
  PsiData: api.PsiData;
  PsiStats: api.PsiStats;
  PullImageRequest: api.PullImageRequest;
  PullImageResponse: api.PullImageResponse;
  RemoveContainerRequest: api.RemoveContainerRequest;
  RemoveContainerResponse: api.RemoveContainerResponse;
  RemoveImageRequest: api.RemoveImageRequest;
  RemoveImageResponse: api.RemoveImageResponse;
  RemovePodSandboxRequest: api.RemovePodSandboxRequest;
  RemovePodSandboxResponse: api.RemovePodSandboxResponse;
  ReopenContainerLogRequest: api.ReopenContainerLogRequest;
  ReopenContainerLogResponse: api.ReopenContainerLogResponse;
  RestorePodRequest: api.RestorePodRequest;
  RestorePodResponse: api.RestorePodResponse;
  RestoredContainer: api.RestoredContainer;
  RunPodSandboxRequest: api.RunPodSandboxRequest;
  RunPodSandboxResponse: api.RunPodSandboxResponse;
  RuntimeCondition: api.RuntimeCondition;
  RuntimeConfig: api.RuntimeConfig;
  RuntimeConfigRequest: api.RuntimeConfigRequest;
  RuntimeConfigResponse: api.RuntimeConfigResponse;
  RuntimeFeatures: api.RuntimeFeatures;
  RuntimeHandler: api.RuntimeHandler;
  RuntimeHandlerFeatures: api.RuntimeHandlerFeatures;
  RuntimeStatus: api.RuntimeStatus;
  SELinuxOption: api.SELinuxOption;
  SecurityProfile: api.SecurityProfile;
  StartContainerRequest: api.StartContainerRequest;
  StartContainerResponse: api.StartContainerResponse;
  StatusRequest: api.StatusRequest;
  StatusResponse: api.StatusResponse;
  StopContainerRequest: api.StopContainerRequest;
  StopContainerResponse: api.StopContainerResponse;
  StopPodSandboxRequest: api.StopPodSandboxRequest;
  StopPodSandboxResponse: api.StopPodSandboxResponse;
  StreamContainerStatsRequest: api.StreamContainerStatsRequest;
  StreamContainerStatsResponse: api.StreamContainerStatsResponse;
  StreamContainersRequest: api.StreamContainersRequest;
  StreamContainersResponse: api.StreamContainersResponse;
  StreamImagesRequest: api.StreamImagesRequest;
  StreamImagesResponse: api.StreamImagesResponse;
  StreamPodSandboxMetricsRequest: api.StreamPodSandboxMetricsRequest;
  StreamPodSandboxMetricsResponse: api.StreamPodSandboxMetricsResponse;
  StreamPodSandboxStatsRequest: api.StreamPodSandboxStatsRequest;
  StreamPodSandboxStatsResponse: api.StreamPodSandboxStatsResponse;
  StreamPodSandboxesRequest: api.StreamPodSandboxesRequest;
  StreamPodSandboxesResponse: api.StreamPodSandboxesResponse;
  SwapUsage: api.SwapUsage;
  UInt64Value: api.UInt64Value;
  UpdateContainerResourcesRequest: api.UpdateContainerResourcesRequest;
  UpdateContainerResourcesResponse: api.UpdateContainerResourcesResponse;
  UpdatePodSandboxResourcesRequest: api.UpdatePodSandboxResourcesRequest;
  UpdatePodSandboxResourcesResponse: api.UpdatePodSandboxResourcesResponse;
  UpdateRuntimeConfigRequest: api.UpdateRuntimeConfigRequest;
  UpdateRuntimeConfigResponse: api.UpdateRuntimeConfigResponse;
  UserNamespace: api.UserNamespace;
  VersionRequest: api.VersionRequest;
  VersionResponse: api.VersionResponse;
  WindowsContainerConfig: api.WindowsContainerConfig;
  WindowsContainerResources: api.WindowsContainerResources;
  WindowsContainerSecurityContext: api.WindowsContainerSecurityContext;
  WindowsContainerStats: api.WindowsContainerStats;
  WindowsCpuGroupAffinity: api.WindowsCpuGroupAffinity;
  WindowsCpuUsage: api.WindowsCpuUsage;
  WindowsFilesystemUsage: api.WindowsFilesystemUsage;
  WindowsMemoryUsage: api.WindowsMemoryUsage;
  WindowsNamespaceOption: api.WindowsNamespaceOption;
  WindowsNetworkInterfaceUsage: api.WindowsNetworkInterfaceUsage;
  WindowsNetworkUsage: api.WindowsNetworkUsage;
  WindowsPodSandboxConfig: api.WindowsPodSandboxConfig;
  WindowsPodSandboxStats: api.WindowsPodSandboxStats;
  WindowsProcessUsage: api.WindowsProcessUsage;
  WindowsSandboxSecurityContext: api.WindowsSandboxSecurityContext;
}

/** The name of a message. */
export type JsonMessage = keyof JsonMessages;

/** The fields of each message, in the order of the .proto, which is the order Go writes them in. */
export const jsonFields: { readonly [Name in JsonMessage]: readonly JsonField[] } = {
  AttachRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'stdin', key: 'stdin', no: 2, type: 'bool' },
    { json: 'tty', key: 'tty', no: 3, type: 'bool' },
    { json: 'stdout', key: 'stdout', no: 4, type: 'bool' },
    { json: 'stderr', key: 'stderr', no: 5, type: 'bool' },
  ],
  AttachResponse: [
    { json: 'url', key: 'url', no: 1, type: 'string' },
  ],
  AuthConfig: [
    { json: 'username', key: 'username', no: 1, type: 'string' },
    { json: 'password', key: 'password', no: 2, type: 'string' },
    { json: 'auth', key: 'auth', no: 3, type: 'string' },
    { json: 'server_address', key: 'serverAddress', no: 4, type: 'string' },
    { json: 'identity_token', key: 'identityToken', no: 5, type: 'string' },
    { json: 'registry_token', key: 'registryToken', no: 6, type: 'string' },
  ],
  CDIDevice: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
  ],
  Capability: [
    { json: 'add_capabilities', key: 'addCapabilities', no: 1, type: 'string', repeated: true },
    { json: 'drop_capabilities', key: 'dropCapabilities', no: 2, type: 'string', repeated: true },
    { json: 'add_ambient_capabilities', key: 'addAmbientCapabilities', no: 3, type: 'string', repeated: true },
  ],
  CheckpointContainerRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'location', key: 'location', no: 2, type: 'string' },
    { json: 'timeout', key: 'timeout', no: 3, type: 'bigint' },
  ],
  CheckpointContainerResponse: [],
  CheckpointPodRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'output_path', key: 'outputPath', no: 2, type: 'string' },
    { json: 'container_ids', key: 'containerIds', no: 3, type: 'string', repeated: true },
    { json: 'options', key: 'options', no: 4, type: { map: 'string' } },
  ],
  CheckpointPodResponse: [],
  Container: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 2, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 3, type: { message: 'ContainerMetadata' } },
    { json: 'image', key: 'image', no: 4, type: { message: 'ImageSpec' } },
    { json: 'image_ref', key: 'imageRef', no: 5, type: 'string' },
    { json: 'state', key: 'state', no: 6, type: 'number' },
    { json: 'created_at', key: 'createdAt', no: 7, type: 'bigint' },
    { json: 'labels', key: 'labels', no: 8, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 9, type: { map: 'string' } },
    { json: 'image_id', key: 'imageId', no: 10, type: 'string' },
  ],
  ContainerAttributes: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 2, type: { message: 'ContainerMetadata' } },
    { json: 'labels', key: 'labels', no: 3, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 4, type: { map: 'string' } },
  ],
  ContainerConfig: [
    { json: 'metadata', key: 'metadata', no: 1, type: { message: 'ContainerMetadata' } },
    { json: 'image', key: 'image', no: 2, type: { message: 'ImageSpec' } },
    { json: 'command', key: 'command', no: 3, type: 'string', repeated: true },
    { json: 'args', key: 'args', no: 4, type: 'string', repeated: true },
    { json: 'working_dir', key: 'workingDir', no: 5, type: 'string' },
    { json: 'envs', key: 'envs', no: 6, type: { message: 'KeyValue' }, repeated: true },
    { json: 'mounts', key: 'mounts', no: 7, type: { message: 'Mount' }, repeated: true },
    { json: 'devices', key: 'devices', no: 8, type: { message: 'Device' }, repeated: true },
    { json: 'labels', key: 'labels', no: 9, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 10, type: { map: 'string' } },
    { json: 'log_path', key: 'logPath', no: 11, type: 'string' },
    { json: 'stdin', key: 'stdin', no: 12, type: 'bool' },
    { json: 'stdin_once', key: 'stdinOnce', no: 13, type: 'bool' },
    { json: 'tty', key: 'tty', no: 14, type: 'bool' },
    { json: 'linux', key: 'linux', no: 15, type: { message: 'LinuxContainerConfig' } },
    { json: 'windows', key: 'windows', no: 16, type: { message: 'WindowsContainerConfig' } },
    { json: 'CDI_devices', key: 'CDIDevices', no: 17, type: { message: 'CDIDevice' }, repeated: true },
    { json: 'stop_signal', key: 'stopSignal', no: 18, type: 'number' },
  ],
  ContainerEventResponse: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'container_event_type', key: 'containerEventType', no: 2, type: 'number' },
    { json: 'created_at', key: 'createdAt', no: 3, type: 'bigint' },
    { json: 'pod_sandbox_status', key: 'podSandboxStatus', no: 4, type: { message: 'PodSandboxStatus' } },
    { json: 'containers_statuses', key: 'containersStatuses', no: 5, type: { message: 'ContainerStatus' }, repeated: true },
  ],
  ContainerFilter: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'state', key: 'state', no: 2, type: { message: 'ContainerStateValue' } },
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 3, type: 'string' },
    { json: 'label_selector', key: 'labelSelector', no: 4, type: { map: 'string' } },
  ],
  ContainerMetadata: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'attempt', key: 'attempt', no: 2, type: 'number' },
  ],
  ContainerMetrics: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'metrics', key: 'metrics', no: 2, type: { message: 'Metric' }, repeated: true },
  ],
  ContainerResources: [
    { json: 'linux', key: 'linux', no: 1, type: { message: 'LinuxContainerResources' } },
    { json: 'windows', key: 'windows', no: 2, type: { message: 'WindowsContainerResources' } },
  ],
  ContainerStateValue: [
    { json: 'state', key: 'state', no: 1, type: 'number' },
  ],
  ContainerStats: [
    { json: 'attributes', key: 'attributes', no: 1, type: { message: 'ContainerAttributes' } },
    { json: 'cpu', key: 'cpu', no: 2, type: { message: 'CpuUsage' } },
    { json: 'memory', key: 'memory', no: 3, type: { message: 'MemoryUsage' } },
    { json: 'writable_layer', key: 'writableLayer', no: 4, type: { message: 'FilesystemUsage' } },
    { json: 'swap', key: 'swap', no: 5, type: { message: 'SwapUsage' } },
    { json: 'io', key: 'io', no: 6, type: { message: 'IoUsage' } },
  ],
  ContainerStatsFilter: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 2, type: 'string' },
    { json: 'label_selector', key: 'labelSelector', no: 3, type: { map: 'string' } },
  ],
  ContainerStatsRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
  ],
  ContainerStatsResponse: [
    { json: 'stats', key: 'stats', no: 1, type: { message: 'ContainerStats' } },
  ],
  ContainerStatus: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 2, type: { message: 'ContainerMetadata' } },
    { json: 'state', key: 'state', no: 3, type: 'number' },
    { json: 'created_at', key: 'createdAt', no: 4, type: 'bigint' },
    { json: 'started_at', key: 'startedAt', no: 5, type: 'bigint' },
    { json: 'finished_at', key: 'finishedAt', no: 6, type: 'bigint' },
    { json: 'exit_code', key: 'exitCode', no: 7, type: 'number' },
    { json: 'image', key: 'image', no: 8, type: { message: 'ImageSpec' } },
    { json: 'image_ref', key: 'imageRef', no: 9, type: 'string' },
    { json: 'reason', key: 'reason', no: 10, type: 'string' },
    { json: 'message', key: 'message', no: 11, type: 'string' },
    { json: 'labels', key: 'labels', no: 12, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 13, type: { map: 'string' } },
    { json: 'mounts', key: 'mounts', no: 14, type: { message: 'Mount' }, repeated: true },
    { json: 'log_path', key: 'logPath', no: 15, type: 'string' },
    { json: 'resources', key: 'resources', no: 16, type: { message: 'ContainerResources' } },
    { json: 'image_id', key: 'imageId', no: 17, type: 'string' },
    { json: 'user', key: 'user', no: 18, type: { message: 'ContainerUser' } },
    { json: 'stop_signal', key: 'stopSignal', no: 19, type: 'number' },
  ],
  ContainerStatusRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'verbose', key: 'verbose', no: 2, type: 'bool' },
  ],
  ContainerStatusResponse: [
    { json: 'status', key: 'status', no: 1, type: { message: 'ContainerStatus' } },
    { json: 'info', key: 'info', no: 2, type: { map: 'string' } },
  ],
  ContainerUser: [
    { json: 'linux', key: 'linux', no: 1, type: { message: 'LinuxContainerUser' } },
  ],
  CpuUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'usage_core_nano_seconds', key: 'usageCoreNanoSeconds', no: 2, type: { message: 'UInt64Value' } },
    { json: 'usage_nano_cores', key: 'usageNanoCores', no: 3, type: { message: 'UInt64Value' } },
    { json: 'psi', key: 'psi', no: 4, type: { message: 'PsiStats' } },
  ],
  CreateContainerRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'config', key: 'config', no: 2, type: { message: 'ContainerConfig' } },
    { json: 'sandbox_config', key: 'sandboxConfig', no: 3, type: { message: 'PodSandboxConfig' } },
  ],
  CreateContainerResponse: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
  ],
  DNSConfig: [
    { json: 'servers', key: 'servers', no: 1, type: 'string', repeated: true },
    { json: 'searches', key: 'searches', no: 2, type: 'string', repeated: true },
    { json: 'options', key: 'options', no: 3, type: 'string', repeated: true },
  ],
  Device: [
    { json: 'container_path', key: 'containerPath', no: 1, type: 'string' },
    { json: 'host_path', key: 'hostPath', no: 2, type: 'string' },
    { json: 'permissions', key: 'permissions', no: 3, type: 'string' },
  ],
  ExecRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'cmd', key: 'cmd', no: 2, type: 'string', repeated: true },
    { json: 'tty', key: 'tty', no: 3, type: 'bool' },
    { json: 'stdin', key: 'stdin', no: 4, type: 'bool' },
    { json: 'stdout', key: 'stdout', no: 5, type: 'bool' },
    { json: 'stderr', key: 'stderr', no: 6, type: 'bool' },
  ],
  ExecResponse: [
    { json: 'url', key: 'url', no: 1, type: 'string' },
  ],
  ExecSyncRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'cmd', key: 'cmd', no: 2, type: 'string', repeated: true },
    { json: 'timeout', key: 'timeout', no: 3, type: 'bigint' },
  ],
  ExecSyncResponse: [
    { json: 'stdout', key: 'stdout', no: 1, type: 'bytes' },
    { json: 'stderr', key: 'stderr', no: 2, type: 'bytes' },
    { json: 'exit_code', key: 'exitCode', no: 3, type: 'number' },
  ],
  FilesystemIdentifier: [
    { json: 'mountpoint', key: 'mountpoint', no: 1, type: 'string' },
  ],
  FilesystemUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'fs_id', key: 'fsId', no: 2, type: { message: 'FilesystemIdentifier' } },
    { json: 'used_bytes', key: 'usedBytes', no: 3, type: { message: 'UInt64Value' } },
    { json: 'inodes_used', key: 'inodesUsed', no: 4, type: { message: 'UInt64Value' } },
  ],
  GetEventsRequest: [],
  HugepageLimit: [
    { json: 'page_size', key: 'pageSize', no: 1, type: 'string' },
    { json: 'limit', key: 'limit', no: 2, type: 'bigint' },
  ],
  IDMapping: [
    { json: 'host_id', key: 'hostId', no: 1, type: 'number' },
    { json: 'container_id', key: 'containerId', no: 2, type: 'number' },
    { json: 'length', key: 'length', no: 3, type: 'number' },
  ],
  Image: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'repo_tags', key: 'repoTags', no: 2, type: 'string', repeated: true },
    { json: 'repo_digests', key: 'repoDigests', no: 3, type: 'string', repeated: true },
    { json: 'size', key: 'size', no: 4, type: 'bigint' },
    { json: 'uid', key: 'uid', no: 5, type: { message: 'Int64Value' } },
    { json: 'username', key: 'username', no: 6, type: 'string' },
    { json: 'spec', key: 'spec', no: 7, type: { message: 'ImageSpec' } },
    { json: 'pinned', key: 'pinned', no: 8, type: 'bool' },
  ],
  ImageFilter: [
    { json: 'image', key: 'image', no: 1, type: { message: 'ImageSpec' } },
  ],
  ImageFsInfoRequest: [],
  ImageFsInfoResponse: [
    { json: 'image_filesystems', key: 'imageFilesystems', no: 1, type: { message: 'FilesystemUsage' }, repeated: true },
    { json: 'container_filesystems', key: 'containerFilesystems', no: 2, type: { message: 'FilesystemUsage' }, repeated: true },
  ],
  ImageSpec: [
    { json: 'image', key: 'image', no: 1, type: 'string' },
    { json: 'annotations', key: 'annotations', no: 2, type: { map: 'string' } },
    { json: 'user_specified_image', key: 'userSpecifiedImage', no: 18, type: 'string' },
    { json: 'runtime_handler', key: 'runtimeHandler', no: 19, type: 'string' },
    { json: 'image_ref', key: 'imageRef', no: 20, type: 'string' },
  ],
  ImageStatusRequest: [
    { json: 'image', key: 'image', no: 1, type: { message: 'ImageSpec' } },
    { json: 'verbose', key: 'verbose', no: 2, type: 'bool' },
  ],
  ImageStatusResponse: [
    { json: 'image', key: 'image', no: 1, type: { message: 'Image' } },
    { json: 'info', key: 'info', no: 2, type: { map: 'string' } },
  ],
  Int64Value: [
    { json: 'value', key: 'value', no: 1, type: 'bigint' },
  ],
  IoUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'psi', key: 'psi', no: 2, type: { message: 'PsiStats' } },
  ],
  KeyValue: [
    { json: 'key', key: 'key', no: 1, type: 'string' },
    { json: 'value', key: 'value', no: 2, type: 'bytes' },
  ],
  LinuxContainerConfig: [
    { json: 'resources', key: 'resources', no: 1, type: { message: 'LinuxContainerResources' } },
    { json: 'security_context', key: 'securityContext', no: 2, type: { message: 'LinuxContainerSecurityContext' } },
  ],
  LinuxContainerResources: [
    { json: 'cpu_period', key: 'cpuPeriod', no: 1, type: 'bigint' },
    { json: 'cpu_quota', key: 'cpuQuota', no: 2, type: 'bigint' },
    { json: 'cpu_shares', key: 'cpuShares', no: 3, type: 'bigint' },
    { json: 'memory_limit_in_bytes', key: 'memoryLimitInBytes', no: 4, type: 'bigint' },
    { json: 'oom_score_adj', key: 'oomScoreAdj', no: 5, type: 'bigint' },
    { json: 'cpuset_cpus', key: 'cpusetCpus', no: 6, type: 'string' },
    { json: 'cpuset_mems', key: 'cpusetMems', no: 7, type: 'string' },
    { json: 'hugepage_limits', key: 'hugepageLimits', no: 8, type: { message: 'HugepageLimit' }, repeated: true },
    { json: 'unified', key: 'unified', no: 9, type: { map: 'string' } },
    { json: 'memory_swap_limit_in_bytes', key: 'memorySwapLimitInBytes', no: 10, type: 'bigint' },
  ],
  LinuxContainerSecurityContext: [
    { json: 'capabilities', key: 'capabilities', no: 1, type: { message: 'Capability' } },
    { json: 'privileged', key: 'privileged', no: 2, type: 'bool' },
    { json: 'namespace_options', key: 'namespaceOptions', no: 3, type: { message: 'NamespaceOption' } },
    { json: 'selinux_options', key: 'selinuxOptions', no: 4, type: { message: 'SELinuxOption' } },
    { json: 'run_as_user', key: 'runAsUser', no: 5, type: { message: 'Int64Value' } },
    { json: 'run_as_group', key: 'runAsGroup', no: 12, type: { message: 'Int64Value' } },
    { json: 'run_as_username', key: 'runAsUsername', no: 6, type: 'string' },
    { json: 'readonly_rootfs', key: 'readonlyRootfs', no: 7, type: 'bool' },
    { json: 'supplemental_groups', key: 'supplementalGroups', no: 8, type: 'bigint', repeated: true },
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', no: 17, type: 'number' },
    { json: 'no_new_privs', key: 'noNewPrivs', no: 11, type: 'bool' },
    { json: 'masked_paths', key: 'maskedPaths', no: 13, type: 'string', repeated: true },
    { json: 'readonly_paths', key: 'readonlyPaths', no: 14, type: 'string', repeated: true },
    { json: 'seccomp', key: 'seccomp', no: 15, type: { message: 'SecurityProfile' } },
    { json: 'apparmor', key: 'apparmor', no: 16, type: { message: 'SecurityProfile' } },
    { json: 'apparmor_profile', key: 'apparmorProfile', no: 9, type: 'string' },
    { json: 'seccomp_profile_path', key: 'seccompProfilePath', no: 10, type: 'string' },
  ],
  LinuxContainerUser: [
    { json: 'uid', key: 'uid', no: 1, type: 'bigint' },
    { json: 'gid', key: 'gid', no: 2, type: 'bigint' },
    { json: 'supplemental_groups', key: 'supplementalGroups', no: 3, type: 'bigint', repeated: true },
  ],
  LinuxPodSandboxConfig: [
    { json: 'cgroup_parent', key: 'cgroupParent', no: 1, type: 'string' },
    { json: 'security_context', key: 'securityContext', no: 2, type: { message: 'LinuxSandboxSecurityContext' } },
    { json: 'sysctls', key: 'sysctls', no: 3, type: { map: 'string' } },
    { json: 'overhead', key: 'overhead', no: 4, type: { message: 'LinuxContainerResources' } },
    { json: 'resources', key: 'resources', no: 5, type: { message: 'LinuxContainerResources' } },
  ],
  LinuxPodSandboxStats: [
    { json: 'cpu', key: 'cpu', no: 1, type: { message: 'CpuUsage' } },
    { json: 'memory', key: 'memory', no: 2, type: { message: 'MemoryUsage' } },
    { json: 'network', key: 'network', no: 3, type: { message: 'NetworkUsage' } },
    { json: 'process', key: 'process', no: 4, type: { message: 'ProcessUsage' } },
    { json: 'containers', key: 'containers', no: 5, type: { message: 'ContainerStats' }, repeated: true },
    { json: 'io', key: 'io', no: 6, type: { message: 'IoUsage' } },
  ],
  LinuxPodSandboxStatus: [
    { json: 'namespaces', key: 'namespaces', no: 1, type: { message: 'Namespace' } },
  ],
  LinuxRuntimeConfiguration: [
    { json: 'cgroup_driver', key: 'cgroupDriver', no: 1, type: 'number' },
  ],
  LinuxSandboxSecurityContext: [
    { json: 'namespace_options', key: 'namespaceOptions', no: 1, type: { message: 'NamespaceOption' } },
    { json: 'selinux_options', key: 'selinuxOptions', no: 2, type: { message: 'SELinuxOption' } },
    { json: 'run_as_user', key: 'runAsUser', no: 3, type: { message: 'Int64Value' } },
    { json: 'run_as_group', key: 'runAsGroup', no: 8, type: { message: 'Int64Value' } },
    { json: 'readonly_rootfs', key: 'readonlyRootfs', no: 4, type: 'bool' },
    { json: 'supplemental_groups', key: 'supplementalGroups', no: 5, type: 'bigint', repeated: true },
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', no: 11, type: 'number' },
    { json: 'privileged', key: 'privileged', no: 6, type: 'bool' },
    { json: 'seccomp', key: 'seccomp', no: 9, type: { message: 'SecurityProfile' } },
    { json: 'apparmor', key: 'apparmor', no: 10, type: { message: 'SecurityProfile' } },
    { json: 'seccomp_profile_path', key: 'seccompProfilePath', no: 7, type: 'string' },
  ],
  ListContainerStatsRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ContainerStatsFilter' } },
  ],
  ListContainerStatsResponse: [
    { json: 'stats', key: 'stats', no: 1, type: { message: 'ContainerStats' }, repeated: true },
  ],
  ListContainersRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ContainerFilter' } },
  ],
  ListContainersResponse: [
    { json: 'containers', key: 'containers', no: 1, type: { message: 'Container' }, repeated: true },
  ],
  ListImagesRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ImageFilter' } },
  ],
  ListImagesResponse: [
    { json: 'images', key: 'images', no: 1, type: { message: 'Image' }, repeated: true },
  ],
  ListMetricDescriptorsRequest: [],
  ListMetricDescriptorsResponse: [
    { json: 'descriptors', key: 'descriptors', no: 1, type: { message: 'MetricDescriptor' }, repeated: true },
  ],
  ListPodSandboxMetricsRequest: [],
  ListPodSandboxMetricsResponse: [
    { json: 'pod_metrics', key: 'podMetrics', no: 1, type: { message: 'PodSandboxMetrics' }, repeated: true },
  ],
  ListPodSandboxRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'PodSandboxFilter' } },
  ],
  ListPodSandboxResponse: [
    { json: 'items', key: 'items', no: 1, type: { message: 'PodSandbox' }, repeated: true },
  ],
  ListPodSandboxStatsRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'PodSandboxStatsFilter' } },
  ],
  ListPodSandboxStatsResponse: [
    { json: 'stats', key: 'stats', no: 1, type: { message: 'PodSandboxStats' }, repeated: true },
  ],
  MemoryUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'working_set_bytes', key: 'workingSetBytes', no: 2, type: { message: 'UInt64Value' } },
    { json: 'available_bytes', key: 'availableBytes', no: 3, type: { message: 'UInt64Value' } },
    { json: 'usage_bytes', key: 'usageBytes', no: 4, type: { message: 'UInt64Value' } },
    { json: 'rss_bytes', key: 'rssBytes', no: 5, type: { message: 'UInt64Value' } },
    { json: 'page_faults', key: 'pageFaults', no: 6, type: { message: 'UInt64Value' } },
    { json: 'major_page_faults', key: 'majorPageFaults', no: 7, type: { message: 'UInt64Value' } },
    { json: 'psi', key: 'psi', no: 8, type: { message: 'PsiStats' } },
  ],
  Metric: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'timestamp', key: 'timestamp', no: 2, type: 'bigint' },
    { json: 'metric_type', key: 'metricType', no: 3, type: 'number' },
    { json: 'label_values', key: 'labelValues', no: 4, type: 'string', repeated: true },
    { json: 'value', key: 'value', no: 5, type: { message: 'UInt64Value' } },
  ],
  MetricDescriptor: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'help', key: 'help', no: 2, type: 'string' },
    { json: 'label_keys', key: 'labelKeys', no: 3, type: 'string', repeated: true },
  ],
  Mount: [
    { json: 'container_path', key: 'containerPath', no: 1, type: 'string' },
    { json: 'host_path', key: 'hostPath', no: 2, type: 'string' },
    { json: 'readonly', key: 'readonly', no: 3, type: 'bool' },
    { json: 'selinux_relabel', key: 'selinuxRelabel', no: 4, type: 'bool' },
    { json: 'propagation', key: 'propagation', no: 5, type: 'number' },
    { json: 'uidMappings', key: 'uidMappings', no: 6, type: { message: 'IDMapping' }, repeated: true },
    { json: 'gidMappings', key: 'gidMappings', no: 7, type: { message: 'IDMapping' }, repeated: true },
    { json: 'recursive_read_only', key: 'recursiveReadOnly', no: 8, type: 'bool' },
    { json: 'image', key: 'image', no: 9, type: { message: 'ImageSpec' } },
    { json: 'image_sub_path', key: 'imageSubPath', no: 10, type: 'string' },
    { json: 'mount_options', key: 'mountOptions', no: 11, type: 'string', repeated: true },
  ],
  Namespace: [
    { json: 'options', key: 'options', no: 2, type: { message: 'NamespaceOption' } },
  ],
  NamespaceOption: [
    { json: 'network', key: 'network', no: 1, type: 'number' },
    { json: 'pid', key: 'pid', no: 2, type: 'number' },
    { json: 'ipc', key: 'ipc', no: 3, type: 'number' },
    { json: 'target_id', key: 'targetId', no: 4, type: 'string' },
    { json: 'userns_options', key: 'usernsOptions', no: 5, type: { message: 'UserNamespace' } },
  ],
  NetworkConfig: [
    { json: 'pod_cidr', key: 'podCidr', no: 1, type: 'string' },
  ],
  NetworkInterfaceUsage: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'rx_bytes', key: 'rxBytes', no: 2, type: { message: 'UInt64Value' } },
    { json: 'rx_errors', key: 'rxErrors', no: 3, type: { message: 'UInt64Value' } },
    { json: 'tx_bytes', key: 'txBytes', no: 4, type: { message: 'UInt64Value' } },
    { json: 'tx_errors', key: 'txErrors', no: 5, type: { message: 'UInt64Value' } },
  ],
  NetworkUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'default_interface', key: 'defaultInterface', no: 2, type: { message: 'NetworkInterfaceUsage' } },
    { json: 'interfaces', key: 'interfaces', no: 3, type: { message: 'NetworkInterfaceUsage' }, repeated: true },
  ],
  PodIP: [
    { json: 'ip', key: 'ip', no: 1, type: 'string' },
  ],
  PodSandbox: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 2, type: { message: 'PodSandboxMetadata' } },
    { json: 'state', key: 'state', no: 3, type: 'number' },
    { json: 'created_at', key: 'createdAt', no: 4, type: 'bigint' },
    { json: 'labels', key: 'labels', no: 5, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 6, type: { map: 'string' } },
    { json: 'runtime_handler', key: 'runtimeHandler', no: 7, type: 'string' },
  ],
  PodSandboxAttributes: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 2, type: { message: 'PodSandboxMetadata' } },
    { json: 'labels', key: 'labels', no: 3, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 4, type: { map: 'string' } },
  ],
  PodSandboxConfig: [
    { json: 'metadata', key: 'metadata', no: 1, type: { message: 'PodSandboxMetadata' } },
    { json: 'hostname', key: 'hostname', no: 2, type: 'string' },
    { json: 'log_directory', key: 'logDirectory', no: 3, type: 'string' },
    { json: 'dns_config', key: 'dnsConfig', no: 4, type: { message: 'DNSConfig' } },
    { json: 'port_mappings', key: 'portMappings', no: 5, type: { message: 'PortMapping' }, repeated: true },
    { json: 'labels', key: 'labels', no: 6, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 7, type: { map: 'string' } },
    { json: 'linux', key: 'linux', no: 8, type: { message: 'LinuxPodSandboxConfig' } },
    { json: 'windows', key: 'windows', no: 9, type: { message: 'WindowsPodSandboxConfig' } },
  ],
  PodSandboxFilter: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'state', key: 'state', no: 2, type: { message: 'PodSandboxStateValue' } },
    { json: 'label_selector', key: 'labelSelector', no: 3, type: { map: 'string' } },
  ],
  PodSandboxMetadata: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'uid', key: 'uid', no: 2, type: 'string' },
    { json: 'namespace', key: 'namespace', no: 3, type: 'string' },
    { json: 'attempt', key: 'attempt', no: 4, type: 'number' },
  ],
  PodSandboxMetrics: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'metrics', key: 'metrics', no: 2, type: { message: 'Metric' }, repeated: true },
    { json: 'container_metrics', key: 'containerMetrics', no: 3, type: { message: 'ContainerMetrics' }, repeated: true },
  ],
  PodSandboxNetworkStatus: [
    { json: 'ip', key: 'ip', no: 1, type: 'string' },
    { json: 'additional_ips', key: 'additionalIps', no: 2, type: { message: 'PodIP' }, repeated: true },
  ],
  PodSandboxStateValue: [
    { json: 'state', key: 'state', no: 1, type: 'number' },
  ],
  PodSandboxStats: [
    { json: 'attributes', key: 'attributes', no: 1, type: { message: 'PodSandboxAttributes' } },
    { json: 'linux', key: 'linux', no: 2, type: { message: 'LinuxPodSandboxStats' } },
    { json: 'windows', key: 'windows', no: 3, type: { message: 'WindowsPodSandboxStats' } },
  ],
  PodSandboxStatsFilter: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'label_selector', key: 'labelSelector', no: 2, type: { map: 'string' } },
  ],
  PodSandboxStatsRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
  ],
  PodSandboxStatsResponse: [
    { json: 'stats', key: 'stats', no: 1, type: { message: 'PodSandboxStats' } },
  ],
  PodSandboxStatus: [
    { json: 'id', key: 'id', no: 1, type: 'string' },
    { json: 'metadata', key: 'metadata', no: 2, type: { message: 'PodSandboxMetadata' } },
    { json: 'state', key: 'state', no: 3, type: 'number' },
    { json: 'created_at', key: 'createdAt', no: 4, type: 'bigint' },
    { json: 'network', key: 'network', no: 5, type: { message: 'PodSandboxNetworkStatus' } },
    { json: 'linux', key: 'linux', no: 6, type: { message: 'LinuxPodSandboxStatus' } },
    { json: 'labels', key: 'labels', no: 7, type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', no: 8, type: { map: 'string' } },
    { json: 'runtime_handler', key: 'runtimeHandler', no: 9, type: 'string' },
  ],
  PodSandboxStatusRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'verbose', key: 'verbose', no: 2, type: 'bool' },
  ],
  PodSandboxStatusResponse: [
    { json: 'status', key: 'status', no: 1, type: { message: 'PodSandboxStatus' } },
    { json: 'info', key: 'info', no: 2, type: { map: 'string' } },
    { json: 'containers_statuses', key: 'containersStatuses', no: 3, type: { message: 'ContainerStatus' }, repeated: true },
    { json: 'timestamp', key: 'timestamp', no: 4, type: 'bigint' },
  ],
  PortForwardRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'port', key: 'port', no: 2, type: 'number', repeated: true },
  ],
  PortForwardResponse: [
    { json: 'url', key: 'url', no: 1, type: 'string' },
  ],
  PortMapping: [
    { json: 'protocol', key: 'protocol', no: 1, type: 'number' },
    { json: 'container_port', key: 'containerPort', no: 2, type: 'number' },
    { json: 'host_port', key: 'hostPort', no: 3, type: 'number' },
    { json: 'host_ip', key: 'hostIp', no: 4, type: 'string' },
  ],
  ProcessUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'process_count', key: 'processCount', no: 2, type: { message: 'UInt64Value' } },
  ],
  PsiData: [
    { json: 'Total', key: 'Total', no: 1, type: 'bigint' },
    { json: 'Avg10', key: 'Avg10', no: 2, type: 'number' },
    { json: 'Avg60', key: 'Avg60', no: 3, type: 'number' },
    { json: 'Avg300', key: 'Avg300', no: 4, type: 'number' },
  ],
  PsiStats: [
    { json: 'Full', key: 'Full', no: 1, type: { message: 'PsiData' } },
    { json: 'Some', key: 'Some', no: 2, type: { message: 'PsiData' } },
  ],
  PullImageRequest: [
    { json: 'image', key: 'image', no: 1, type: { message: 'ImageSpec' } },
    { json: 'auth', key: 'auth', no: 2, type: { message: 'AuthConfig' } },
    { json: 'sandbox_config', key: 'sandboxConfig', no: 3, type: { message: 'PodSandboxConfig' } },
  ],
  PullImageResponse: [
    { json: 'image_ref', key: 'imageRef', no: 1, type: 'string' },
  ],
  RemoveContainerRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
  ],
  RemoveContainerResponse: [],
  RemoveImageRequest: [
    { json: 'image', key: 'image', no: 1, type: { message: 'ImageSpec' } },
  ],
  RemoveImageResponse: [],
  RemovePodSandboxRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
  ],
  RemovePodSandboxResponse: [],
  ReopenContainerLogRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
  ],
  ReopenContainerLogResponse: [],
  RestorePodRequest: [
    { json: 'checkpoint_path', key: 'checkpointPath', no: 1, type: 'string' },
    { json: 'config', key: 'config', no: 2, type: { message: 'PodSandboxConfig' } },
    { json: 'runtime_handler', key: 'runtimeHandler', no: 3, type: 'string' },
    { json: 'options', key: 'options', no: 4, type: { map: 'string' } },
    { json: 'container_configs', key: 'containerConfigs', no: 5, type: { message: 'ContainerConfig' }, repeated: true },
  ],
  RestorePodResponse: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'restored_containers', key: 'restoredContainers', no: 2, type: { message: 'RestoredContainer' }, repeated: true },
  ],
  RestoredContainer: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'container_id', key: 'containerId', no: 2, type: 'string' },
  ],
  RunPodSandboxRequest: [
    { json: 'config', key: 'config', no: 1, type: { message: 'PodSandboxConfig' } },
    { json: 'runtime_handler', key: 'runtimeHandler', no: 2, type: 'string' },
  ],
  RunPodSandboxResponse: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
  ],
  RuntimeCondition: [
    { json: 'type', key: 'type', no: 1, type: 'string' },
    { json: 'status', key: 'status', no: 2, type: 'bool' },
    { json: 'reason', key: 'reason', no: 3, type: 'string' },
    { json: 'message', key: 'message', no: 4, type: 'string' },
  ],
  RuntimeConfig: [
    { json: 'network_config', key: 'networkConfig', no: 1, type: { message: 'NetworkConfig' } },
  ],
  RuntimeConfigRequest: [],
  RuntimeConfigResponse: [
    { json: 'linux', key: 'linux', no: 1, type: { message: 'LinuxRuntimeConfiguration' } },
  ],
  RuntimeFeatures: [
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', no: 1, type: 'bool' },
    { json: 'user_namespaces_host_network', key: 'userNamespacesHostNetwork', no: 2, type: 'bool' },
    { json: 'mount_options', key: 'mountOptions', no: 3, type: 'bool' },
  ],
  RuntimeHandler: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'features', key: 'features', no: 2, type: { message: 'RuntimeHandlerFeatures' } },
  ],
  RuntimeHandlerFeatures: [
    { json: 'recursive_read_only_mounts', key: 'recursiveReadOnlyMounts', no: 1, type: 'bool' },
    { json: 'user_namespaces', key: 'userNamespaces', no: 2, type: 'bool' },
  ],
  RuntimeStatus: [
    { json: 'conditions', key: 'conditions', no: 1, type: { message: 'RuntimeCondition' }, repeated: true },
  ],
  SELinuxOption: [
    { json: 'user', key: 'user', no: 1, type: 'string' },
    { json: 'role', key: 'role', no: 2, type: 'string' },
    { json: 'type', key: 'type', no: 3, type: 'string' },
    { json: 'level', key: 'level', no: 4, type: 'string' },
  ],
  SecurityProfile: [
    { json: 'profile_type', key: 'profileType', no: 1, type: 'number' },
    { json: 'localhost_ref', key: 'localhostRef', no: 2, type: 'string' },
  ],
  StartContainerRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
  ],
  StartContainerResponse: [],
  StatusRequest: [
    { json: 'verbose', key: 'verbose', no: 1, type: 'bool' },
  ],
  StatusResponse: [
    { json: 'status', key: 'status', no: 1, type: { message: 'RuntimeStatus' } },
    { json: 'info', key: 'info', no: 2, type: { map: 'string' } },
    { json: 'runtime_handlers', key: 'runtimeHandlers', no: 3, type: { message: 'RuntimeHandler' }, repeated: true },
    { json: 'features', key: 'features', no: 4, type: { message: 'RuntimeFeatures' } },
  ],
  StopContainerRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'timeout', key: 'timeout', no: 2, type: 'bigint' },
  ],
  StopContainerResponse: [],
  StopPodSandboxRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
  ],
  StopPodSandboxResponse: [],
  StreamContainerStatsRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ContainerStatsFilter' } },
  ],
  StreamContainerStatsResponse: [
    { json: 'container_stats', key: 'containerStats', no: 1, type: { message: 'ContainerStats' }, repeated: true },
  ],
  StreamContainersRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ContainerFilter' } },
  ],
  StreamContainersResponse: [
    { json: 'containers', key: 'containers', no: 1, type: { message: 'Container' }, repeated: true },
  ],
  StreamImagesRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'ImageFilter' } },
  ],
  StreamImagesResponse: [
    { json: 'images', key: 'images', no: 1, type: { message: 'Image' }, repeated: true },
  ],
  StreamPodSandboxMetricsRequest: [],
  StreamPodSandboxMetricsResponse: [
    { json: 'pod_sandbox_metrics', key: 'podSandboxMetrics', no: 1, type: { message: 'PodSandboxMetrics' }, repeated: true },
  ],
  StreamPodSandboxStatsRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'PodSandboxStatsFilter' } },
  ],
  StreamPodSandboxStatsResponse: [
    { json: 'pod_sandbox_stats', key: 'podSandboxStats', no: 1, type: { message: 'PodSandboxStats' }, repeated: true },
  ],
  StreamPodSandboxesRequest: [
    { json: 'filter', key: 'filter', no: 1, type: { message: 'PodSandboxFilter' } },
  ],
  StreamPodSandboxesResponse: [
    { json: 'pod_sandboxes', key: 'podSandboxes', no: 1, type: { message: 'PodSandbox' }, repeated: true },
  ],
  SwapUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'swap_available_bytes', key: 'swapAvailableBytes', no: 2, type: { message: 'UInt64Value' } },
    { json: 'swap_usage_bytes', key: 'swapUsageBytes', no: 3, type: { message: 'UInt64Value' } },
  ],
  UInt64Value: [
    { json: 'value', key: 'value', no: 1, type: 'bigint' },
  ],
  UpdateContainerResourcesRequest: [
    { json: 'container_id', key: 'containerId', no: 1, type: 'string' },
    { json: 'linux', key: 'linux', no: 2, type: { message: 'LinuxContainerResources' } },
    { json: 'windows', key: 'windows', no: 3, type: { message: 'WindowsContainerResources' } },
    { json: 'annotations', key: 'annotations', no: 4, type: { map: 'string' } },
  ],
  UpdateContainerResourcesResponse: [],
  UpdatePodSandboxResourcesRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', no: 1, type: 'string' },
    { json: 'overhead', key: 'overhead', no: 2, type: { message: 'LinuxContainerResources' } },
    { json: 'resources', key: 'resources', no: 3, type: { message: 'LinuxContainerResources' } },
  ],
  UpdatePodSandboxResourcesResponse: [],
  UpdateRuntimeConfigRequest: [
    { json: 'runtime_config', key: 'runtimeConfig', no: 1, type: { message: 'RuntimeConfig' } },
  ],
  UpdateRuntimeConfigResponse: [],
  UserNamespace: [
    { json: 'mode', key: 'mode', no: 1, type: 'number' },
    { json: 'uids', key: 'uids', no: 2, type: { message: 'IDMapping' }, repeated: true },
    { json: 'gids', key: 'gids', no: 3, type: { message: 'IDMapping' }, repeated: true },
  ],
  VersionRequest: [
    { json: 'version', key: 'version', no: 1, type: 'string' },
  ],
  VersionResponse: [
    { json: 'version', key: 'version', no: 1, type: 'string' },
    { json: 'runtime_name', key: 'runtimeName', no: 2, type: 'string' },
    { json: 'runtime_version', key: 'runtimeVersion', no: 3, type: 'string' },
    { json: 'runtime_api_version', key: 'runtimeApiVersion', no: 4, type: 'string' },
  ],
  WindowsContainerConfig: [
    { json: 'resources', key: 'resources', no: 1, type: { message: 'WindowsContainerResources' } },
    { json: 'security_context', key: 'securityContext', no: 2, type: { message: 'WindowsContainerSecurityContext' } },
  ],
  WindowsContainerResources: [
    { json: 'cpu_shares', key: 'cpuShares', no: 1, type: 'bigint' },
    { json: 'cpu_count', key: 'cpuCount', no: 2, type: 'bigint' },
    { json: 'cpu_maximum', key: 'cpuMaximum', no: 3, type: 'bigint' },
    { json: 'memory_limit_in_bytes', key: 'memoryLimitInBytes', no: 4, type: 'bigint' },
    { json: 'rootfs_size_in_bytes', key: 'rootfsSizeInBytes', no: 5, type: 'bigint' },
    { json: 'affinity_cpus', key: 'affinityCpus', no: 6, type: { message: 'WindowsCpuGroupAffinity' }, repeated: true },
  ],
  WindowsContainerSecurityContext: [
    { json: 'run_as_username', key: 'runAsUsername', no: 1, type: 'string' },
    { json: 'credential_spec', key: 'credentialSpec', no: 2, type: 'string' },
    { json: 'host_process', key: 'hostProcess', no: 3, type: 'bool' },
  ],
  WindowsContainerStats: [
    { json: 'attributes', key: 'attributes', no: 1, type: { message: 'ContainerAttributes' } },
    { json: 'cpu', key: 'cpu', no: 2, type: { message: 'WindowsCpuUsage' } },
    { json: 'memory', key: 'memory', no: 3, type: { message: 'WindowsMemoryUsage' } },
    { json: 'writable_layer', key: 'writableLayer', no: 4, type: { message: 'WindowsFilesystemUsage' } },
  ],
  WindowsCpuGroupAffinity: [
    { json: 'cpu_mask', key: 'cpuMask', no: 1, type: 'bigint' },
    { json: 'cpu_group', key: 'cpuGroup', no: 2, type: 'number' },
  ],
  WindowsCpuUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'usage_core_nano_seconds', key: 'usageCoreNanoSeconds', no: 2, type: { message: 'UInt64Value' } },
    { json: 'usage_nano_cores', key: 'usageNanoCores', no: 3, type: { message: 'UInt64Value' } },
  ],
  WindowsFilesystemUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'fs_id', key: 'fsId', no: 2, type: { message: 'FilesystemIdentifier' } },
    { json: 'used_bytes', key: 'usedBytes', no: 3, type: { message: 'UInt64Value' } },
  ],
  WindowsMemoryUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'working_set_bytes', key: 'workingSetBytes', no: 2, type: { message: 'UInt64Value' } },
    { json: 'available_bytes', key: 'availableBytes', no: 3, type: { message: 'UInt64Value' } },
    { json: 'page_faults', key: 'pageFaults', no: 4, type: { message: 'UInt64Value' } },
    { json: 'commit_memory_bytes', key: 'commitMemoryBytes', no: 5, type: { message: 'UInt64Value' } },
  ],
  WindowsNamespaceOption: [
    { json: 'network', key: 'network', no: 1, type: 'number' },
  ],
  WindowsNetworkInterfaceUsage: [
    { json: 'name', key: 'name', no: 1, type: 'string' },
    { json: 'rx_bytes', key: 'rxBytes', no: 2, type: { message: 'UInt64Value' } },
    { json: 'rx_packets_dropped', key: 'rxPacketsDropped', no: 3, type: { message: 'UInt64Value' } },
    { json: 'tx_bytes', key: 'txBytes', no: 4, type: { message: 'UInt64Value' } },
    { json: 'tx_packets_dropped', key: 'txPacketsDropped', no: 5, type: { message: 'UInt64Value' } },
  ],
  WindowsNetworkUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'default_interface', key: 'defaultInterface', no: 2, type: { message: 'WindowsNetworkInterfaceUsage' } },
    { json: 'interfaces', key: 'interfaces', no: 3, type: { message: 'WindowsNetworkInterfaceUsage' }, repeated: true },
  ],
  WindowsPodSandboxConfig: [
    { json: 'security_context', key: 'securityContext', no: 1, type: { message: 'WindowsSandboxSecurityContext' } },
  ],
  WindowsPodSandboxStats: [
    { json: 'cpu', key: 'cpu', no: 1, type: { message: 'WindowsCpuUsage' } },
    { json: 'memory', key: 'memory', no: 2, type: { message: 'WindowsMemoryUsage' } },
    { json: 'network', key: 'network', no: 3, type: { message: 'WindowsNetworkUsage' } },
    { json: 'process', key: 'process', no: 4, type: { message: 'WindowsProcessUsage' } },
    { json: 'containers', key: 'containers', no: 5, type: { message: 'WindowsContainerStats' }, repeated: true },
  ],
  WindowsProcessUsage: [
    { json: 'timestamp', key: 'timestamp', no: 1, type: 'bigint' },
    { json: 'process_count', key: 'processCount', no: 2, type: { message: 'UInt64Value' } },
  ],
  WindowsSandboxSecurityContext: [
    { json: 'run_as_username', key: 'runAsUsername', no: 1, type: 'string' },
    { json: 'credential_spec', key: 'credentialSpec', no: 2, type: 'string' },
    { json: 'host_process', key: 'hostProcess', no: 3, type: 'bool' },
    { json: 'namespace_options', key: 'namespaceOptions', no: 4, type: { message: 'WindowsNamespaceOption' } },
  ],
};
