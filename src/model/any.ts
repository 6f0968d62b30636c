/** A google.protobuf.Any as containerd stores it: the type's URL, bare or with a prefix, and its bytes. */
export interface Any {
  typeUrl: string;
  value: Buffer;
}
