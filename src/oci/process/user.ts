import {
  type LinuxContainerSecurityContext,
  type LinuxContainerUser,
  SupplementalGroupsPolicy,
} from '../../../generated/cri/v1/api';
import type { Spec, SpecUser } from '../../model/spec';
import { OciError } from '../oci-error';
import { groupNamed, groupsOf, userNamed, userWithId } from './user-files';

/** Ids above are refused: older kernels and tools read them as negative numbers. */
const MAX_ID = 2 ** 31 - 1;

/** The part of a container's or a sandbox's security context that says who runs. */
export type UserContext = Pick<
  LinuxContainerSecurityContext,
  'runAsUser' | 'runAsGroup' | 'supplementalGroups' | 'supplementalGroupsPolicy'
> & { readonly runAsUsername?: string };

export interface UserInput {
  /** Path of the security context in the request, for errors. */
  readonly field: string;
  readonly securityContext?: UserContext;
  /** The image's `User`: a name or number, and perhaps `:` and a group. */
  readonly imageUser: string;
  /** The base spec's, which counts when neither the request nor the image names one. */
  readonly base?: SpecUser;
  /** The image's /etc/passwd and /etc/group; left out when it has none. */
  readonly passwd?: Buffer;
  readonly group?: Buffer;
}

/** A name or a number; the field is for the error. */
interface Who {
  readonly value: string;
  readonly field: string;
}

interface Wanted {
  readonly user?: Who;
  readonly group?: Who;
}

function wanted({ field, securityContext, imageUser }: UserInput): Wanted {
  const { runAsUser, runAsGroup, runAsUsername } = securityContext ?? {};
  const group = runAsGroup && { value: runAsGroup.value.toString(), field: `${field}.run_as_group` };
  if (runAsUsername) return { user: { value: runAsUsername, field: `${field}.run_as_username` }, group };
  if (runAsUser) return { user: { value: runAsUser.value.toString(), field: `${field}.run_as_user` }, group };
  if (group) throw new OciError(group.field, 'a group is given without a user');
  return imageUser ? ofImage(imageUser) : {};
}

function ofImage(imageUser: string): Wanted {
  const field = 'image.config.User';
  const [user, group, ...rest] = imageUser.split(':');
  if (!user || rest.length > 0) throw new OciError(field, `${JSON.stringify(imageUser)} is not a user`);
  return { user: { value: user, field }, group: group ? { value: group, field } : undefined };
}

/** The number that `value` stands for, if it looks like one. What looks like one is never looked up as a name. */
function numeric({ value, field }: Who): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(value)) return undefined;
  const id = Number(value);
  if (!(id >= 0 && id <= MAX_ID)) throw new OciError(field, `${value} is not an id between 0 and ${MAX_ID}`);
  return id;
}

/**
 * Which of the image's files `resolveUser` would read: a story that needs none does not have to look at the root
 * filesystem. Throws like `resolveUser` for what is wrong without them.
 */
export function userFilesNeeded(input: UserInput): { passwd: boolean; group: boolean } {
  const { user, group } = wanted(input);
  const uid = user && numeric(user);
  const gid = group && numeric(group);
  const merge = policyOf(input) === SupplementalGroupsPolicy.Merge;
  return {
    passwd: user === undefined ? merge : uid === undefined || group === undefined || merge,
    group: merge || (group !== undefined && gid === undefined),
  };
}

function policyOf({ field, securityContext }: UserInput): SupplementalGroupsPolicy {
  const policy = securityContext?.supplementalGroupsPolicy ?? SupplementalGroupsPolicy.Merge;
  if (policy !== SupplementalGroupsPolicy.Merge && policy !== SupplementalGroupsPolicy.Strict) {
    throw new OciError(`${field}.supplemental_groups_policy`, `${policy} is not a policy`);
  }
  return policy;
}

function primary({ user, group }: Wanted, { passwd, group: groups }: UserInput): Omit<Found, 'groups'> {
  const uid = user ? numeric(user) : 0;
  const entry = uid === undefined && user ? userNamed(passwd, user.value) : userWithId(passwd, uid ?? 0);
  if (user && uid === undefined && !entry) {
    throw new OciError(user.field, `the image has no user ${JSON.stringify(user.value)}`);
  }
  const named = { uid: uid ?? entry?.uid ?? 0, name: uid === undefined ? user?.value : entry?.name };
  if (!group) return { ...named, gid: user ? (entry?.gid ?? 0) : 0 };
  const gid = numeric(group) ?? groupNamed(groups, group.value);
  if (gid === undefined) throw new OciError(group.field, `the image has no group ${JSON.stringify(group.value)}`);
  return { ...named, gid };
}

/** Whom `primary` finds; the groups are the base spec's own. */
interface Found {
  readonly uid: number;
  readonly gid: number;
  readonly name?: string;
  readonly groups: readonly number[];
}

function found(input: UserInput): Found {
  const { base, passwd } = input;
  const who = wanted(input);
  if (who.user || !base) return { ...primary(who, input), groups: [] };
  return { uid: base.uid, gid: base.gid, name: userWithId(passwd, base.uid)?.name, groups: base.additionalGids ?? [] };
}

function supplementalGroups({ field, securityContext }: UserInput): number[] {
  return (securityContext?.supplementalGroups ?? []).map((each, i) => {
    if (each >= 0n && each <= BigInt(MAX_ID)) return Number(each);
    throw new OciError(`${field}.supplemental_groups[${i}]`, `${each} is not an id between 0 and ${MAX_ID}`);
  });
}

/** Throws like `resolveUser` for what is wrong whatever the image's files say. */
export function checkUser(input: Omit<UserInput, 'passwd' | 'group'>): void {
  userFilesNeeded(input);
  supplementalGroups(input);
}

/**
 * Who the container's process is: the request's user, the image's, the base spec's, else root. A numeric user takes its
 * primary group from the image's passwd (none there: 0). The additional groups are those of the request, with policy Merge
 * those of the image that list the user, and the primary one: without it, a file's group permissions could be dodged by
 * leaving the group. They are in ascending order, as containerd's plugin and the kernel have them: gVisor shows them as
 * they come.
 */
export function resolveUser(input: UserInput): SpecUser {
  const { uid, gid, name, groups } = found(input);
  const merged =
    policyOf(input) === SupplementalGroupsPolicy.Merge && name !== undefined ? groupsOf(input.group, name) : [];
  const all = new Set([gid, ...groups, ...supplementalGroups(input), ...merged]);
  return { uid, gid, additionalGids: [...all].sort((a, b) => a - b) };
}

/** Who a container runs as, for its status (CRI `user.linux`). */
export function userOf(spec: Spec): LinuxContainerUser | undefined {
  const user = spec.process?.user;
  if (!user) return undefined;
  return {
    uid: BigInt(user.uid),
    gid: BigInt(user.gid),
    supplementalGroups: (user.additionalGids ?? []).map((gid) => BigInt(gid)),
  };
}
