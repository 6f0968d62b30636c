/** The switches of the configuration that decide what is in a spec, by their names in the configuration file. */
export interface OciSettings {
  /** Never use AppArmor, even where the kernel has it. */
  readonly disable_apparmor: boolean;
  /** Raise an oom_score_adj below the daemon's own to the daemon's own. */
  readonly restrict_oom_score_adj: boolean;
  /** Ignore the request's masked and read-only paths and keep the default ones. */
  readonly disable_proc_mount: boolean;
  /** Seccomp profile for a container that names none: empty, `unconfined`, `runtime/default` or `localhost/<path>`. */
  readonly unset_seccomp_profile: string;
  /** Directory that relative paths of localhost seccomp profiles start from. */
  readonly seccomp_profile_root: string;
  /** Give devices to `run_as_user` and `run_as_group`. */
  readonly device_ownership_from_security_context: boolean;
  readonly enable_unprivileged_ports: boolean;
  readonly enable_unprivileged_icmp: boolean;
  /** Drop huge page limits where the hugetlb controller is missing, instead of failing. */
  readonly tolerate_missing_hugetlb_controller: boolean;
  /** Drop huge page limits always. */
  readonly disable_hugetlb_controller: boolean;
}
