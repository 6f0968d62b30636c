// Written by scripts/generate-json-fields.mjs from cri/v1/api.proto. DO NOT EDIT.

/* eslint-disable */
import type * as api from './api';

/** What one field holds: a scalar, a message, or a map from strings. */
export type JsonType = 'string' | 'bytes' | 'bool' | 'number' | 'bigint' | { message: JsonMessage } | { map: JsonType };

/** One field: its key in Go's JSON, its key in our message object, and what it holds. */
export interface JsonField {
  readonly json: string;
  readonly key: string;
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
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'stdin', key: 'stdin', type: 'bool' },
    { json: 'tty', key: 'tty', type: 'bool' },
    { json: 'stdout', key: 'stdout', type: 'bool' },
    { json: 'stderr', key: 'stderr', type: 'bool' },
  ],
  AttachResponse: [
    { json: 'url', key: 'url', type: 'string' },
  ],
  AuthConfig: [
    { json: 'username', key: 'username', type: 'string' },
    { json: 'password', key: 'password', type: 'string' },
    { json: 'auth', key: 'auth', type: 'string' },
    { json: 'server_address', key: 'serverAddress', type: 'string' },
    { json: 'identity_token', key: 'identityToken', type: 'string' },
    { json: 'registry_token', key: 'registryToken', type: 'string' },
  ],
  CDIDevice: [
    { json: 'name', key: 'name', type: 'string' },
  ],
  Capability: [
    { json: 'add_capabilities', key: 'addCapabilities', type: 'string', repeated: true },
    { json: 'drop_capabilities', key: 'dropCapabilities', type: 'string', repeated: true },
    { json: 'add_ambient_capabilities', key: 'addAmbientCapabilities', type: 'string', repeated: true },
  ],
  CheckpointContainerRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'location', key: 'location', type: 'string' },
    { json: 'timeout', key: 'timeout', type: 'bigint' },
  ],
  CheckpointContainerResponse: [],
  CheckpointPodRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'output_path', key: 'outputPath', type: 'string' },
    { json: 'container_ids', key: 'containerIds', type: 'string', repeated: true },
    { json: 'options', key: 'options', type: { map: 'string' } },
  ],
  CheckpointPodResponse: [],
  Container: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'ContainerMetadata' } },
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'image_ref', key: 'imageRef', type: 'string' },
    { json: 'state', key: 'state', type: 'number' },
    { json: 'created_at', key: 'createdAt', type: 'bigint' },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'image_id', key: 'imageId', type: 'string' },
  ],
  ContainerAttributes: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'ContainerMetadata' } },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
  ],
  ContainerConfig: [
    { json: 'metadata', key: 'metadata', type: { message: 'ContainerMetadata' } },
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'command', key: 'command', type: 'string', repeated: true },
    { json: 'args', key: 'args', type: 'string', repeated: true },
    { json: 'working_dir', key: 'workingDir', type: 'string' },
    { json: 'envs', key: 'envs', type: { message: 'KeyValue' }, repeated: true },
    { json: 'mounts', key: 'mounts', type: { message: 'Mount' }, repeated: true },
    { json: 'devices', key: 'devices', type: { message: 'Device' }, repeated: true },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'log_path', key: 'logPath', type: 'string' },
    { json: 'stdin', key: 'stdin', type: 'bool' },
    { json: 'stdin_once', key: 'stdinOnce', type: 'bool' },
    { json: 'tty', key: 'tty', type: 'bool' },
    { json: 'linux', key: 'linux', type: { message: 'LinuxContainerConfig' } },
    { json: 'windows', key: 'windows', type: { message: 'WindowsContainerConfig' } },
    { json: 'CDI_devices', key: 'CDIDevices', type: { message: 'CDIDevice' }, repeated: true },
    { json: 'stop_signal', key: 'stopSignal', type: 'number' },
  ],
  ContainerEventResponse: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'container_event_type', key: 'containerEventType', type: 'number' },
    { json: 'created_at', key: 'createdAt', type: 'bigint' },
    { json: 'pod_sandbox_status', key: 'podSandboxStatus', type: { message: 'PodSandboxStatus' } },
    { json: 'containers_statuses', key: 'containersStatuses', type: { message: 'ContainerStatus' }, repeated: true },
  ],
  ContainerFilter: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'state', key: 'state', type: { message: 'ContainerStateValue' } },
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'label_selector', key: 'labelSelector', type: { map: 'string' } },
  ],
  ContainerMetadata: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'attempt', key: 'attempt', type: 'number' },
  ],
  ContainerMetrics: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'metrics', key: 'metrics', type: { message: 'Metric' }, repeated: true },
  ],
  ContainerResources: [
    { json: 'linux', key: 'linux', type: { message: 'LinuxContainerResources' } },
    { json: 'windows', key: 'windows', type: { message: 'WindowsContainerResources' } },
  ],
  ContainerStateValue: [
    { json: 'state', key: 'state', type: 'number' },
  ],
  ContainerStats: [
    { json: 'attributes', key: 'attributes', type: { message: 'ContainerAttributes' } },
    { json: 'cpu', key: 'cpu', type: { message: 'CpuUsage' } },
    { json: 'memory', key: 'memory', type: { message: 'MemoryUsage' } },
    { json: 'writable_layer', key: 'writableLayer', type: { message: 'FilesystemUsage' } },
    { json: 'swap', key: 'swap', type: { message: 'SwapUsage' } },
    { json: 'io', key: 'io', type: { message: 'IoUsage' } },
  ],
  ContainerStatsFilter: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'label_selector', key: 'labelSelector', type: { map: 'string' } },
  ],
  ContainerStatsRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  ContainerStatsResponse: [
    { json: 'stats', key: 'stats', type: { message: 'ContainerStats' } },
  ],
  ContainerStatus: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'ContainerMetadata' } },
    { json: 'state', key: 'state', type: 'number' },
    { json: 'created_at', key: 'createdAt', type: 'bigint' },
    { json: 'started_at', key: 'startedAt', type: 'bigint' },
    { json: 'finished_at', key: 'finishedAt', type: 'bigint' },
    { json: 'exit_code', key: 'exitCode', type: 'number' },
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'image_ref', key: 'imageRef', type: 'string' },
    { json: 'reason', key: 'reason', type: 'string' },
    { json: 'message', key: 'message', type: 'string' },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'mounts', key: 'mounts', type: { message: 'Mount' }, repeated: true },
    { json: 'log_path', key: 'logPath', type: 'string' },
    { json: 'resources', key: 'resources', type: { message: 'ContainerResources' } },
    { json: 'image_id', key: 'imageId', type: 'string' },
    { json: 'user', key: 'user', type: { message: 'ContainerUser' } },
    { json: 'stop_signal', key: 'stopSignal', type: 'number' },
  ],
  ContainerStatusRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'verbose', key: 'verbose', type: 'bool' },
  ],
  ContainerStatusResponse: [
    { json: 'status', key: 'status', type: { message: 'ContainerStatus' } },
    { json: 'info', key: 'info', type: { map: 'string' } },
  ],
  ContainerUser: [
    { json: 'linux', key: 'linux', type: { message: 'LinuxContainerUser' } },
  ],
  CpuUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'usage_core_nano_seconds', key: 'usageCoreNanoSeconds', type: { message: 'UInt64Value' } },
    { json: 'usage_nano_cores', key: 'usageNanoCores', type: { message: 'UInt64Value' } },
    { json: 'psi', key: 'psi', type: { message: 'PsiStats' } },
  ],
  CreateContainerRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'config', key: 'config', type: { message: 'ContainerConfig' } },
    { json: 'sandbox_config', key: 'sandboxConfig', type: { message: 'PodSandboxConfig' } },
  ],
  CreateContainerResponse: [
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  DNSConfig: [
    { json: 'servers', key: 'servers', type: 'string', repeated: true },
    { json: 'searches', key: 'searches', type: 'string', repeated: true },
    { json: 'options', key: 'options', type: 'string', repeated: true },
  ],
  Device: [
    { json: 'container_path', key: 'containerPath', type: 'string' },
    { json: 'host_path', key: 'hostPath', type: 'string' },
    { json: 'permissions', key: 'permissions', type: 'string' },
  ],
  ExecRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'cmd', key: 'cmd', type: 'string', repeated: true },
    { json: 'tty', key: 'tty', type: 'bool' },
    { json: 'stdin', key: 'stdin', type: 'bool' },
    { json: 'stdout', key: 'stdout', type: 'bool' },
    { json: 'stderr', key: 'stderr', type: 'bool' },
  ],
  ExecResponse: [
    { json: 'url', key: 'url', type: 'string' },
  ],
  ExecSyncRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'cmd', key: 'cmd', type: 'string', repeated: true },
    { json: 'timeout', key: 'timeout', type: 'bigint' },
  ],
  ExecSyncResponse: [
    { json: 'stdout', key: 'stdout', type: 'bytes' },
    { json: 'stderr', key: 'stderr', type: 'bytes' },
    { json: 'exit_code', key: 'exitCode', type: 'number' },
  ],
  FilesystemIdentifier: [
    { json: 'mountpoint', key: 'mountpoint', type: 'string' },
  ],
  FilesystemUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'fs_id', key: 'fsId', type: { message: 'FilesystemIdentifier' } },
    { json: 'used_bytes', key: 'usedBytes', type: { message: 'UInt64Value' } },
    { json: 'inodes_used', key: 'inodesUsed', type: { message: 'UInt64Value' } },
  ],
  GetEventsRequest: [],
  HugepageLimit: [
    { json: 'page_size', key: 'pageSize', type: 'string' },
    { json: 'limit', key: 'limit', type: 'bigint' },
  ],
  IDMapping: [
    { json: 'host_id', key: 'hostId', type: 'number' },
    { json: 'container_id', key: 'containerId', type: 'number' },
    { json: 'length', key: 'length', type: 'number' },
  ],
  Image: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'repo_tags', key: 'repoTags', type: 'string', repeated: true },
    { json: 'repo_digests', key: 'repoDigests', type: 'string', repeated: true },
    { json: 'size', key: 'size', type: 'bigint' },
    { json: 'uid', key: 'uid', type: { message: 'Int64Value' } },
    { json: 'username', key: 'username', type: 'string' },
    { json: 'spec', key: 'spec', type: { message: 'ImageSpec' } },
    { json: 'pinned', key: 'pinned', type: 'bool' },
  ],
  ImageFilter: [
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
  ],
  ImageFsInfoRequest: [],
  ImageFsInfoResponse: [
    { json: 'image_filesystems', key: 'imageFilesystems', type: { message: 'FilesystemUsage' }, repeated: true },
    { json: 'container_filesystems', key: 'containerFilesystems', type: { message: 'FilesystemUsage' }, repeated: true },
  ],
  ImageSpec: [
    { json: 'image', key: 'image', type: 'string' },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'user_specified_image', key: 'userSpecifiedImage', type: 'string' },
    { json: 'runtime_handler', key: 'runtimeHandler', type: 'string' },
    { json: 'image_ref', key: 'imageRef', type: 'string' },
  ],
  ImageStatusRequest: [
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'verbose', key: 'verbose', type: 'bool' },
  ],
  ImageStatusResponse: [
    { json: 'image', key: 'image', type: { message: 'Image' } },
    { json: 'info', key: 'info', type: { map: 'string' } },
  ],
  Int64Value: [
    { json: 'value', key: 'value', type: 'bigint' },
  ],
  IoUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'psi', key: 'psi', type: { message: 'PsiStats' } },
  ],
  KeyValue: [
    { json: 'key', key: 'key', type: 'string' },
    { json: 'value', key: 'value', type: 'bytes' },
  ],
  LinuxContainerConfig: [
    { json: 'resources', key: 'resources', type: { message: 'LinuxContainerResources' } },
    { json: 'security_context', key: 'securityContext', type: { message: 'LinuxContainerSecurityContext' } },
  ],
  LinuxContainerResources: [
    { json: 'cpu_period', key: 'cpuPeriod', type: 'bigint' },
    { json: 'cpu_quota', key: 'cpuQuota', type: 'bigint' },
    { json: 'cpu_shares', key: 'cpuShares', type: 'bigint' },
    { json: 'memory_limit_in_bytes', key: 'memoryLimitInBytes', type: 'bigint' },
    { json: 'oom_score_adj', key: 'oomScoreAdj', type: 'bigint' },
    { json: 'cpuset_cpus', key: 'cpusetCpus', type: 'string' },
    { json: 'cpuset_mems', key: 'cpusetMems', type: 'string' },
    { json: 'hugepage_limits', key: 'hugepageLimits', type: { message: 'HugepageLimit' }, repeated: true },
    { json: 'unified', key: 'unified', type: { map: 'string' } },
    { json: 'memory_swap_limit_in_bytes', key: 'memorySwapLimitInBytes', type: 'bigint' },
  ],
  LinuxContainerSecurityContext: [
    { json: 'capabilities', key: 'capabilities', type: { message: 'Capability' } },
    { json: 'privileged', key: 'privileged', type: 'bool' },
    { json: 'namespace_options', key: 'namespaceOptions', type: { message: 'NamespaceOption' } },
    { json: 'selinux_options', key: 'selinuxOptions', type: { message: 'SELinuxOption' } },
    { json: 'run_as_user', key: 'runAsUser', type: { message: 'Int64Value' } },
    { json: 'run_as_group', key: 'runAsGroup', type: { message: 'Int64Value' } },
    { json: 'run_as_username', key: 'runAsUsername', type: 'string' },
    { json: 'readonly_rootfs', key: 'readonlyRootfs', type: 'bool' },
    { json: 'supplemental_groups', key: 'supplementalGroups', type: 'bigint', repeated: true },
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', type: 'number' },
    { json: 'no_new_privs', key: 'noNewPrivs', type: 'bool' },
    { json: 'masked_paths', key: 'maskedPaths', type: 'string', repeated: true },
    { json: 'readonly_paths', key: 'readonlyPaths', type: 'string', repeated: true },
    { json: 'seccomp', key: 'seccomp', type: { message: 'SecurityProfile' } },
    { json: 'apparmor', key: 'apparmor', type: { message: 'SecurityProfile' } },
    { json: 'apparmor_profile', key: 'apparmorProfile', type: 'string' },
    { json: 'seccomp_profile_path', key: 'seccompProfilePath', type: 'string' },
  ],
  LinuxContainerUser: [
    { json: 'uid', key: 'uid', type: 'bigint' },
    { json: 'gid', key: 'gid', type: 'bigint' },
    { json: 'supplemental_groups', key: 'supplementalGroups', type: 'bigint', repeated: true },
  ],
  LinuxPodSandboxConfig: [
    { json: 'cgroup_parent', key: 'cgroupParent', type: 'string' },
    { json: 'security_context', key: 'securityContext', type: { message: 'LinuxSandboxSecurityContext' } },
    { json: 'sysctls', key: 'sysctls', type: { map: 'string' } },
    { json: 'overhead', key: 'overhead', type: { message: 'LinuxContainerResources' } },
    { json: 'resources', key: 'resources', type: { message: 'LinuxContainerResources' } },
  ],
  LinuxPodSandboxStats: [
    { json: 'cpu', key: 'cpu', type: { message: 'CpuUsage' } },
    { json: 'memory', key: 'memory', type: { message: 'MemoryUsage' } },
    { json: 'network', key: 'network', type: { message: 'NetworkUsage' } },
    { json: 'process', key: 'process', type: { message: 'ProcessUsage' } },
    { json: 'containers', key: 'containers', type: { message: 'ContainerStats' }, repeated: true },
    { json: 'io', key: 'io', type: { message: 'IoUsage' } },
  ],
  LinuxPodSandboxStatus: [
    { json: 'namespaces', key: 'namespaces', type: { message: 'Namespace' } },
  ],
  LinuxRuntimeConfiguration: [
    { json: 'cgroup_driver', key: 'cgroupDriver', type: 'number' },
  ],
  LinuxSandboxSecurityContext: [
    { json: 'namespace_options', key: 'namespaceOptions', type: { message: 'NamespaceOption' } },
    { json: 'selinux_options', key: 'selinuxOptions', type: { message: 'SELinuxOption' } },
    { json: 'run_as_user', key: 'runAsUser', type: { message: 'Int64Value' } },
    { json: 'run_as_group', key: 'runAsGroup', type: { message: 'Int64Value' } },
    { json: 'readonly_rootfs', key: 'readonlyRootfs', type: 'bool' },
    { json: 'supplemental_groups', key: 'supplementalGroups', type: 'bigint', repeated: true },
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', type: 'number' },
    { json: 'privileged', key: 'privileged', type: 'bool' },
    { json: 'seccomp', key: 'seccomp', type: { message: 'SecurityProfile' } },
    { json: 'apparmor', key: 'apparmor', type: { message: 'SecurityProfile' } },
    { json: 'seccomp_profile_path', key: 'seccompProfilePath', type: 'string' },
  ],
  ListContainerStatsRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ContainerStatsFilter' } },
  ],
  ListContainerStatsResponse: [
    { json: 'stats', key: 'stats', type: { message: 'ContainerStats' }, repeated: true },
  ],
  ListContainersRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ContainerFilter' } },
  ],
  ListContainersResponse: [
    { json: 'containers', key: 'containers', type: { message: 'Container' }, repeated: true },
  ],
  ListImagesRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ImageFilter' } },
  ],
  ListImagesResponse: [
    { json: 'images', key: 'images', type: { message: 'Image' }, repeated: true },
  ],
  ListMetricDescriptorsRequest: [],
  ListMetricDescriptorsResponse: [
    { json: 'descriptors', key: 'descriptors', type: { message: 'MetricDescriptor' }, repeated: true },
  ],
  ListPodSandboxMetricsRequest: [],
  ListPodSandboxMetricsResponse: [
    { json: 'pod_metrics', key: 'podMetrics', type: { message: 'PodSandboxMetrics' }, repeated: true },
  ],
  ListPodSandboxRequest: [
    { json: 'filter', key: 'filter', type: { message: 'PodSandboxFilter' } },
  ],
  ListPodSandboxResponse: [
    { json: 'items', key: 'items', type: { message: 'PodSandbox' }, repeated: true },
  ],
  ListPodSandboxStatsRequest: [
    { json: 'filter', key: 'filter', type: { message: 'PodSandboxStatsFilter' } },
  ],
  ListPodSandboxStatsResponse: [
    { json: 'stats', key: 'stats', type: { message: 'PodSandboxStats' }, repeated: true },
  ],
  MemoryUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'working_set_bytes', key: 'workingSetBytes', type: { message: 'UInt64Value' } },
    { json: 'available_bytes', key: 'availableBytes', type: { message: 'UInt64Value' } },
    { json: 'usage_bytes', key: 'usageBytes', type: { message: 'UInt64Value' } },
    { json: 'rss_bytes', key: 'rssBytes', type: { message: 'UInt64Value' } },
    { json: 'page_faults', key: 'pageFaults', type: { message: 'UInt64Value' } },
    { json: 'major_page_faults', key: 'majorPageFaults', type: { message: 'UInt64Value' } },
    { json: 'psi', key: 'psi', type: { message: 'PsiStats' } },
  ],
  Metric: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'metric_type', key: 'metricType', type: 'number' },
    { json: 'label_values', key: 'labelValues', type: 'string', repeated: true },
    { json: 'value', key: 'value', type: { message: 'UInt64Value' } },
  ],
  MetricDescriptor: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'help', key: 'help', type: 'string' },
    { json: 'label_keys', key: 'labelKeys', type: 'string', repeated: true },
  ],
  Mount: [
    { json: 'container_path', key: 'containerPath', type: 'string' },
    { json: 'host_path', key: 'hostPath', type: 'string' },
    { json: 'readonly', key: 'readonly', type: 'bool' },
    { json: 'selinux_relabel', key: 'selinuxRelabel', type: 'bool' },
    { json: 'propagation', key: 'propagation', type: 'number' },
    { json: 'uidMappings', key: 'uidMappings', type: { message: 'IDMapping' }, repeated: true },
    { json: 'gidMappings', key: 'gidMappings', type: { message: 'IDMapping' }, repeated: true },
    { json: 'recursive_read_only', key: 'recursiveReadOnly', type: 'bool' },
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'image_sub_path', key: 'imageSubPath', type: 'string' },
    { json: 'mount_options', key: 'mountOptions', type: 'string', repeated: true },
  ],
  Namespace: [
    { json: 'options', key: 'options', type: { message: 'NamespaceOption' } },
  ],
  NamespaceOption: [
    { json: 'network', key: 'network', type: 'number' },
    { json: 'pid', key: 'pid', type: 'number' },
    { json: 'ipc', key: 'ipc', type: 'number' },
    { json: 'target_id', key: 'targetId', type: 'string' },
    { json: 'userns_options', key: 'usernsOptions', type: { message: 'UserNamespace' } },
  ],
  NetworkConfig: [
    { json: 'pod_cidr', key: 'podCidr', type: 'string' },
  ],
  NetworkInterfaceUsage: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'rx_bytes', key: 'rxBytes', type: { message: 'UInt64Value' } },
    { json: 'rx_errors', key: 'rxErrors', type: { message: 'UInt64Value' } },
    { json: 'tx_bytes', key: 'txBytes', type: { message: 'UInt64Value' } },
    { json: 'tx_errors', key: 'txErrors', type: { message: 'UInt64Value' } },
  ],
  NetworkUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'default_interface', key: 'defaultInterface', type: { message: 'NetworkInterfaceUsage' } },
    { json: 'interfaces', key: 'interfaces', type: { message: 'NetworkInterfaceUsage' }, repeated: true },
  ],
  PodIP: [
    { json: 'ip', key: 'ip', type: 'string' },
  ],
  PodSandbox: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'PodSandboxMetadata' } },
    { json: 'state', key: 'state', type: 'number' },
    { json: 'created_at', key: 'createdAt', type: 'bigint' },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'runtime_handler', key: 'runtimeHandler', type: 'string' },
  ],
  PodSandboxAttributes: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'PodSandboxMetadata' } },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
  ],
  PodSandboxConfig: [
    { json: 'metadata', key: 'metadata', type: { message: 'PodSandboxMetadata' } },
    { json: 'hostname', key: 'hostname', type: 'string' },
    { json: 'log_directory', key: 'logDirectory', type: 'string' },
    { json: 'dns_config', key: 'dnsConfig', type: { message: 'DNSConfig' } },
    { json: 'port_mappings', key: 'portMappings', type: { message: 'PortMapping' }, repeated: true },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'linux', key: 'linux', type: { message: 'LinuxPodSandboxConfig' } },
    { json: 'windows', key: 'windows', type: { message: 'WindowsPodSandboxConfig' } },
  ],
  PodSandboxFilter: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'state', key: 'state', type: { message: 'PodSandboxStateValue' } },
    { json: 'label_selector', key: 'labelSelector', type: { map: 'string' } },
  ],
  PodSandboxMetadata: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'uid', key: 'uid', type: 'string' },
    { json: 'namespace', key: 'namespace', type: 'string' },
    { json: 'attempt', key: 'attempt', type: 'number' },
  ],
  PodSandboxMetrics: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'metrics', key: 'metrics', type: { message: 'Metric' }, repeated: true },
    { json: 'container_metrics', key: 'containerMetrics', type: { message: 'ContainerMetrics' }, repeated: true },
  ],
  PodSandboxNetworkStatus: [
    { json: 'ip', key: 'ip', type: 'string' },
    { json: 'additional_ips', key: 'additionalIps', type: { message: 'PodIP' }, repeated: true },
  ],
  PodSandboxStateValue: [
    { json: 'state', key: 'state', type: 'number' },
  ],
  PodSandboxStats: [
    { json: 'attributes', key: 'attributes', type: { message: 'PodSandboxAttributes' } },
    { json: 'linux', key: 'linux', type: { message: 'LinuxPodSandboxStats' } },
    { json: 'windows', key: 'windows', type: { message: 'WindowsPodSandboxStats' } },
  ],
  PodSandboxStatsFilter: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'label_selector', key: 'labelSelector', type: { map: 'string' } },
  ],
  PodSandboxStatsRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
  ],
  PodSandboxStatsResponse: [
    { json: 'stats', key: 'stats', type: { message: 'PodSandboxStats' } },
  ],
  PodSandboxStatus: [
    { json: 'id', key: 'id', type: 'string' },
    { json: 'metadata', key: 'metadata', type: { message: 'PodSandboxMetadata' } },
    { json: 'state', key: 'state', type: 'number' },
    { json: 'created_at', key: 'createdAt', type: 'bigint' },
    { json: 'network', key: 'network', type: { message: 'PodSandboxNetworkStatus' } },
    { json: 'linux', key: 'linux', type: { message: 'LinuxPodSandboxStatus' } },
    { json: 'labels', key: 'labels', type: { map: 'string' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
    { json: 'runtime_handler', key: 'runtimeHandler', type: 'string' },
  ],
  PodSandboxStatusRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'verbose', key: 'verbose', type: 'bool' },
  ],
  PodSandboxStatusResponse: [
    { json: 'status', key: 'status', type: { message: 'PodSandboxStatus' } },
    { json: 'info', key: 'info', type: { map: 'string' } },
    { json: 'containers_statuses', key: 'containersStatuses', type: { message: 'ContainerStatus' }, repeated: true },
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
  ],
  PortForwardRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'port', key: 'port', type: 'number', repeated: true },
  ],
  PortForwardResponse: [
    { json: 'url', key: 'url', type: 'string' },
  ],
  PortMapping: [
    { json: 'protocol', key: 'protocol', type: 'number' },
    { json: 'container_port', key: 'containerPort', type: 'number' },
    { json: 'host_port', key: 'hostPort', type: 'number' },
    { json: 'host_ip', key: 'hostIp', type: 'string' },
  ],
  ProcessUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'process_count', key: 'processCount', type: { message: 'UInt64Value' } },
  ],
  PsiData: [
    { json: 'Total', key: 'Total', type: 'bigint' },
    { json: 'Avg10', key: 'Avg10', type: 'number' },
    { json: 'Avg60', key: 'Avg60', type: 'number' },
    { json: 'Avg300', key: 'Avg300', type: 'number' },
  ],
  PsiStats: [
    { json: 'Full', key: 'Full', type: { message: 'PsiData' } },
    { json: 'Some', key: 'Some', type: { message: 'PsiData' } },
  ],
  PullImageRequest: [
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
    { json: 'auth', key: 'auth', type: { message: 'AuthConfig' } },
    { json: 'sandbox_config', key: 'sandboxConfig', type: { message: 'PodSandboxConfig' } },
  ],
  PullImageResponse: [
    { json: 'image_ref', key: 'imageRef', type: 'string' },
  ],
  RemoveContainerRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  RemoveContainerResponse: [],
  RemoveImageRequest: [
    { json: 'image', key: 'image', type: { message: 'ImageSpec' } },
  ],
  RemoveImageResponse: [],
  RemovePodSandboxRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
  ],
  RemovePodSandboxResponse: [],
  ReopenContainerLogRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  ReopenContainerLogResponse: [],
  RestorePodRequest: [
    { json: 'checkpoint_path', key: 'checkpointPath', type: 'string' },
    { json: 'config', key: 'config', type: { message: 'PodSandboxConfig' } },
    { json: 'runtime_handler', key: 'runtimeHandler', type: 'string' },
    { json: 'options', key: 'options', type: { map: 'string' } },
    { json: 'container_configs', key: 'containerConfigs', type: { message: 'ContainerConfig' }, repeated: true },
  ],
  RestorePodResponse: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'restored_containers', key: 'restoredContainers', type: { message: 'RestoredContainer' }, repeated: true },
  ],
  RestoredContainer: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  RunPodSandboxRequest: [
    { json: 'config', key: 'config', type: { message: 'PodSandboxConfig' } },
    { json: 'runtime_handler', key: 'runtimeHandler', type: 'string' },
  ],
  RunPodSandboxResponse: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
  ],
  RuntimeCondition: [
    { json: 'type', key: 'type', type: 'string' },
    { json: 'status', key: 'status', type: 'bool' },
    { json: 'reason', key: 'reason', type: 'string' },
    { json: 'message', key: 'message', type: 'string' },
  ],
  RuntimeConfig: [
    { json: 'network_config', key: 'networkConfig', type: { message: 'NetworkConfig' } },
  ],
  RuntimeConfigRequest: [],
  RuntimeConfigResponse: [
    { json: 'linux', key: 'linux', type: { message: 'LinuxRuntimeConfiguration' } },
  ],
  RuntimeFeatures: [
    { json: 'supplemental_groups_policy', key: 'supplementalGroupsPolicy', type: 'bool' },
    { json: 'user_namespaces_host_network', key: 'userNamespacesHostNetwork', type: 'bool' },
    { json: 'mount_options', key: 'mountOptions', type: 'bool' },
  ],
  RuntimeHandler: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'features', key: 'features', type: { message: 'RuntimeHandlerFeatures' } },
  ],
  RuntimeHandlerFeatures: [
    { json: 'recursive_read_only_mounts', key: 'recursiveReadOnlyMounts', type: 'bool' },
    { json: 'user_namespaces', key: 'userNamespaces', type: 'bool' },
  ],
  RuntimeStatus: [
    { json: 'conditions', key: 'conditions', type: { message: 'RuntimeCondition' }, repeated: true },
  ],
  SELinuxOption: [
    { json: 'user', key: 'user', type: 'string' },
    { json: 'role', key: 'role', type: 'string' },
    { json: 'type', key: 'type', type: 'string' },
    { json: 'level', key: 'level', type: 'string' },
  ],
  SecurityProfile: [
    { json: 'profile_type', key: 'profileType', type: 'number' },
    { json: 'localhost_ref', key: 'localhostRef', type: 'string' },
  ],
  StartContainerRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
  ],
  StartContainerResponse: [],
  StatusRequest: [
    { json: 'verbose', key: 'verbose', type: 'bool' },
  ],
  StatusResponse: [
    { json: 'status', key: 'status', type: { message: 'RuntimeStatus' } },
    { json: 'info', key: 'info', type: { map: 'string' } },
    { json: 'runtime_handlers', key: 'runtimeHandlers', type: { message: 'RuntimeHandler' }, repeated: true },
    { json: 'features', key: 'features', type: { message: 'RuntimeFeatures' } },
  ],
  StopContainerRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'timeout', key: 'timeout', type: 'bigint' },
  ],
  StopContainerResponse: [],
  StopPodSandboxRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
  ],
  StopPodSandboxResponse: [],
  StreamContainerStatsRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ContainerStatsFilter' } },
  ],
  StreamContainerStatsResponse: [
    { json: 'container_stats', key: 'containerStats', type: { message: 'ContainerStats' }, repeated: true },
  ],
  StreamContainersRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ContainerFilter' } },
  ],
  StreamContainersResponse: [
    { json: 'containers', key: 'containers', type: { message: 'Container' }, repeated: true },
  ],
  StreamImagesRequest: [
    { json: 'filter', key: 'filter', type: { message: 'ImageFilter' } },
  ],
  StreamImagesResponse: [
    { json: 'images', key: 'images', type: { message: 'Image' }, repeated: true },
  ],
  StreamPodSandboxMetricsRequest: [],
  StreamPodSandboxMetricsResponse: [
    { json: 'pod_sandbox_metrics', key: 'podSandboxMetrics', type: { message: 'PodSandboxMetrics' }, repeated: true },
  ],
  StreamPodSandboxStatsRequest: [
    { json: 'filter', key: 'filter', type: { message: 'PodSandboxStatsFilter' } },
  ],
  StreamPodSandboxStatsResponse: [
    { json: 'pod_sandbox_stats', key: 'podSandboxStats', type: { message: 'PodSandboxStats' }, repeated: true },
  ],
  StreamPodSandboxesRequest: [
    { json: 'filter', key: 'filter', type: { message: 'PodSandboxFilter' } },
  ],
  StreamPodSandboxesResponse: [
    { json: 'pod_sandboxes', key: 'podSandboxes', type: { message: 'PodSandbox' }, repeated: true },
  ],
  SwapUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'swap_available_bytes', key: 'swapAvailableBytes', type: { message: 'UInt64Value' } },
    { json: 'swap_usage_bytes', key: 'swapUsageBytes', type: { message: 'UInt64Value' } },
  ],
  UInt64Value: [
    { json: 'value', key: 'value', type: 'bigint' },
  ],
  UpdateContainerResourcesRequest: [
    { json: 'container_id', key: 'containerId', type: 'string' },
    { json: 'linux', key: 'linux', type: { message: 'LinuxContainerResources' } },
    { json: 'windows', key: 'windows', type: { message: 'WindowsContainerResources' } },
    { json: 'annotations', key: 'annotations', type: { map: 'string' } },
  ],
  UpdateContainerResourcesResponse: [],
  UpdatePodSandboxResourcesRequest: [
    { json: 'pod_sandbox_id', key: 'podSandboxId', type: 'string' },
    { json: 'overhead', key: 'overhead', type: { message: 'LinuxContainerResources' } },
    { json: 'resources', key: 'resources', type: { message: 'LinuxContainerResources' } },
  ],
  UpdatePodSandboxResourcesResponse: [],
  UpdateRuntimeConfigRequest: [
    { json: 'runtime_config', key: 'runtimeConfig', type: { message: 'RuntimeConfig' } },
  ],
  UpdateRuntimeConfigResponse: [],
  UserNamespace: [
    { json: 'mode', key: 'mode', type: 'number' },
    { json: 'uids', key: 'uids', type: { message: 'IDMapping' }, repeated: true },
    { json: 'gids', key: 'gids', type: { message: 'IDMapping' }, repeated: true },
  ],
  VersionRequest: [
    { json: 'version', key: 'version', type: 'string' },
  ],
  VersionResponse: [
    { json: 'version', key: 'version', type: 'string' },
    { json: 'runtime_name', key: 'runtimeName', type: 'string' },
    { json: 'runtime_version', key: 'runtimeVersion', type: 'string' },
    { json: 'runtime_api_version', key: 'runtimeApiVersion', type: 'string' },
  ],
  WindowsContainerConfig: [
    { json: 'resources', key: 'resources', type: { message: 'WindowsContainerResources' } },
    { json: 'security_context', key: 'securityContext', type: { message: 'WindowsContainerSecurityContext' } },
  ],
  WindowsContainerResources: [
    { json: 'cpu_shares', key: 'cpuShares', type: 'bigint' },
    { json: 'cpu_count', key: 'cpuCount', type: 'bigint' },
    { json: 'cpu_maximum', key: 'cpuMaximum', type: 'bigint' },
    { json: 'memory_limit_in_bytes', key: 'memoryLimitInBytes', type: 'bigint' },
    { json: 'rootfs_size_in_bytes', key: 'rootfsSizeInBytes', type: 'bigint' },
    { json: 'affinity_cpus', key: 'affinityCpus', type: { message: 'WindowsCpuGroupAffinity' }, repeated: true },
  ],
  WindowsContainerSecurityContext: [
    { json: 'run_as_username', key: 'runAsUsername', type: 'string' },
    { json: 'credential_spec', key: 'credentialSpec', type: 'string' },
    { json: 'host_process', key: 'hostProcess', type: 'bool' },
  ],
  WindowsContainerStats: [
    { json: 'attributes', key: 'attributes', type: { message: 'ContainerAttributes' } },
    { json: 'cpu', key: 'cpu', type: { message: 'WindowsCpuUsage' } },
    { json: 'memory', key: 'memory', type: { message: 'WindowsMemoryUsage' } },
    { json: 'writable_layer', key: 'writableLayer', type: { message: 'WindowsFilesystemUsage' } },
  ],
  WindowsCpuGroupAffinity: [
    { json: 'cpu_mask', key: 'cpuMask', type: 'bigint' },
    { json: 'cpu_group', key: 'cpuGroup', type: 'number' },
  ],
  WindowsCpuUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'usage_core_nano_seconds', key: 'usageCoreNanoSeconds', type: { message: 'UInt64Value' } },
    { json: 'usage_nano_cores', key: 'usageNanoCores', type: { message: 'UInt64Value' } },
  ],
  WindowsFilesystemUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'fs_id', key: 'fsId', type: { message: 'FilesystemIdentifier' } },
    { json: 'used_bytes', key: 'usedBytes', type: { message: 'UInt64Value' } },
  ],
  WindowsMemoryUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'working_set_bytes', key: 'workingSetBytes', type: { message: 'UInt64Value' } },
    { json: 'available_bytes', key: 'availableBytes', type: { message: 'UInt64Value' } },
    { json: 'page_faults', key: 'pageFaults', type: { message: 'UInt64Value' } },
    { json: 'commit_memory_bytes', key: 'commitMemoryBytes', type: { message: 'UInt64Value' } },
  ],
  WindowsNamespaceOption: [
    { json: 'network', key: 'network', type: 'number' },
  ],
  WindowsNetworkInterfaceUsage: [
    { json: 'name', key: 'name', type: 'string' },
    { json: 'rx_bytes', key: 'rxBytes', type: { message: 'UInt64Value' } },
    { json: 'rx_packets_dropped', key: 'rxPacketsDropped', type: { message: 'UInt64Value' } },
    { json: 'tx_bytes', key: 'txBytes', type: { message: 'UInt64Value' } },
    { json: 'tx_packets_dropped', key: 'txPacketsDropped', type: { message: 'UInt64Value' } },
  ],
  WindowsNetworkUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'default_interface', key: 'defaultInterface', type: { message: 'WindowsNetworkInterfaceUsage' } },
    { json: 'interfaces', key: 'interfaces', type: { message: 'WindowsNetworkInterfaceUsage' }, repeated: true },
  ],
  WindowsPodSandboxConfig: [
    { json: 'security_context', key: 'securityContext', type: { message: 'WindowsSandboxSecurityContext' } },
  ],
  WindowsPodSandboxStats: [
    { json: 'cpu', key: 'cpu', type: { message: 'WindowsCpuUsage' } },
    { json: 'memory', key: 'memory', type: { message: 'WindowsMemoryUsage' } },
    { json: 'network', key: 'network', type: { message: 'WindowsNetworkUsage' } },
    { json: 'process', key: 'process', type: { message: 'WindowsProcessUsage' } },
    { json: 'containers', key: 'containers', type: { message: 'WindowsContainerStats' }, repeated: true },
  ],
  WindowsProcessUsage: [
    { json: 'timestamp', key: 'timestamp', type: 'bigint' },
    { json: 'process_count', key: 'processCount', type: { message: 'UInt64Value' } },
  ],
  WindowsSandboxSecurityContext: [
    { json: 'run_as_username', key: 'runAsUsername', type: 'string' },
    { json: 'credential_spec', key: 'credentialSpec', type: 'string' },
    { json: 'host_process', key: 'hostProcess', type: 'bool' },
    { json: 'namespace_options', key: 'namespaceOptions', type: { message: 'WindowsNamespaceOption' } },
  ],
};
