import CSeccomp
import Glibc

/// The system calls a session may make: an allow-list after the default profile of the OCI runtimes (moby's
/// `default.json`), less what no command in a session needs (tracing other processes, keys, other address families).
///
/// Everything else fails with EPERM; calls newer than the list with ENOSYS, so that libraries fall back.
enum SyscallFilter {
    /// Names that may be called with any arguments. A name that this libseccomp or this architecture does not know is
    /// passed over: what is not allowed is refused.
    static let allowed: [String] = """
        accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown
        clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat
        dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
        fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake
        futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid
        getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
        getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
        io_pgetevents io_setup io_submit ioprio_get ioprio_set kill landlock_add_rule
        landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr
        lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create mincore mkdir mkdirat
        mlock mlock2 mlockall mmap modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
        mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
        name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2
        pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease
        pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg
        remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
        sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
        sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg
        sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer
        setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr
        shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat statfs statx
        symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete
        timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
        truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid waitpid write
        writev
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    /// Known to need a namespace's or the machine's administrator, or made to reach into the kernel: refused with
    /// EPERM, as a kernel without the right would. Calls named neither here nor above get ENOSYS.
    static let refused: [String] = """
        acct add_key bpf chroot clock_adjtime clock_settime delete_module fanotify_init fanotify_mark finit_module
        fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg init_module io_uring_enter
        io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl listmount lookup_dcookie
        lsm_get_self_attr lsm_list_modules lsm_set_self_attr mbind memfd_secret migrate_pages mount
        mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd
        pivot_root process_madvise process_vm_readv process_vm_writev ptrace query_module quotactl quotactl_fd
        reboot request_key set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday
        statmount stime swapoff swapon syslog umount umount2 unshare uselib userfaultfd ustat vhangup
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    private static let actionAllow: UInt32 = 0x7fff_0000
    private static let actionKillProcess: UInt32 = 0x8000_0000

    private static func refuse(_ number: Int32) -> UInt32 { 0x0005_0000 | UInt32(number) & 0xffff }

    /// All flags of clone that make a namespace (linux/sched.h; CLONE_NEWTIME is none of clone's).
    private static let namespaceFlags: UInt64 = 0x7e02_0000

    /// The filter as BPF instructions, the form that bubblewrap's `--seccomp` takes.
    static func program() throws(SandboxError) -> [UInt8] {
        guard let context = seccomp_init(refuse(ENOSYS)) else {
            throw SandboxError(
                .layerMissing, "libseccomp cannot make a filter for this machine", place: Layer.syscallFilter.rawValue)
        }
        defer { seccomp_release(context) }
        try check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, actionKillProcess), "architecture")
        // Sorted by how often they are called: a binary tree keeps every check short.
        try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "tree")
        for name in allowed { try rule(context, name, actionAllow) }
        for name in refused { try rule(context, name, refuse(EPERM)) }
        try addConditions(context)
        return try export(context)
    }

    private static func addConditions(_ context: scmp_filter_ctx) throws(SandboxError) {
        // clone without any new namespace. clone3's flags lie in memory, where no filter can look: it is not on the
        // list, so it "does not exist" (ENOSYS) and libc uses clone.
        try rule(context, "clone", actionAllow, [compare(0, SCMP_CMP_MASKED_EQ, namespaceFlags, 0)])
        for bit in UInt64(0)..<64 where namespaceFlags >> bit & 1 == 1 {
            try rule(context, "clone", refuse(EPERM), [compare(0, SCMP_CMP_MASKED_EQ, 1 << bit, 1 << bit)])
        }
        // Named pipes, sockets and plain files, but no device.
        for (name, argument) in [("mknod", UInt32(1)), ("mknodat", 2)] {
            for kind in [UInt64(0), 0o010000, 0o100000, 0o140000] {
                try rule(context, name, actionAllow, [compare(argument, SCMP_CMP_MASKED_EQ, 0o170000, kind)])
            }
            for kind in [UInt64(0o020000), 0o060000] {
                try rule(context, name, refuse(EPERM), [compare(argument, SCMP_CMP_MASKED_EQ, 0o170000, kind)])
            }
        }
        try addSocketRules(context)
        // TIOCSTI: a terminal's input must come from its keyboard, not from what runs in it. Any other request differs
        // from it in at least one of the 32 bits that the kernel looks at (it ignores the upper half, where a plain
        // comparison would be fooled).
        for bit in UInt64(0)..<32 {
            let mask = UInt64(1) << bit
            let different = compare(1, SCMP_CMP_MASKED_EQ, mask, ~terminalInput & mask)
            try rule(context, "ioctl", actionAllow, [different])
        }
        try rule(context, "ioctl", refuse(EPERM), [compare(1, SCMP_CMP_MASKED_EQ, 0xffff_ffff, terminalInput)])
        // Personalities that change nothing for safety: the default, Linux's, and asking.
        for value in [UInt64(0), 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            try rule(context, "personality", actionAllow, [compare(0, SCMP_CMP_EQ, value)])
        }
    }

    private static let terminalInput: UInt64 = 0x5412

    /// Local sockets and the session's own loopback; raw, packet, netlink, vsock, crypto and the rest are not to be had.
    private static func addSocketRules(_ context: scmp_filter_ctx) throws(SandboxError) {
        let families = [AF_UNIX, AF_INET, AF_INET6].map { UInt64($0) }
        let highestFamily: UInt64 = 64
        for family in 0...highestFamily where !families.contains(family) {
            try rule(context, "socket", refuse(EAFNOSUPPORT), [compare(0, SCMP_CMP_EQ, family)])
        }
        try rule(context, "socket", refuse(EAFNOSUPPORT), [compare(0, SCMP_CMP_GT, highestFamily)])
        for family in families {
            for type in UInt64(0)..<16 {
                // SOCK_STREAM, SOCK_DGRAM, and SOCK_SEQPACKET between processes.
                let isAllowed = type == 1 || type == 2 || (type == 5 && family == UInt64(AF_UNIX))
                let conditions = [compare(0, SCMP_CMP_EQ, family), compare(1, SCMP_CMP_MASKED_EQ, 0xf, type)]
                try rule(context, "socket", isAllowed ? actionAllow : refuse(EPERM), conditions)
            }
        }
    }

    private static func compare(_ argument: UInt32, _ operation: scmp_compare, _ a: UInt64, _ b: UInt64 = 0)
        -> scmp_arg_cmp
    { scmp_arg_cmp(arg: argument, op: operation, datum_a: a, datum_b: b) }

    private static func rule(
        _ context: scmp_filter_ctx, _ name: String, _ action: UInt32, _ conditions: [scmp_arg_cmp] = []
    ) throws(SandboxError) {
        let number = seccomp_syscall_resolve_name(name)
        // __NR_SCMP_ERROR (unknown name), or a pseudo number: another architecture's call.
        guard number >= 0 else { return }
        try check(
            seccomp_rule_add_array(context, action, number, UInt32(conditions.count), conditions), name)
    }

    private static func check(_ result: Int32, _ what: String) throws(SandboxError) {
        guard result == 0 else {
            throw SandboxError(
                .layerMissing, "libseccomp refused the rule for \(what)", systemError: -result,
                place: Layer.syscallFilter.rawValue)
        }
    }

    private static func export(_ context: scmp_filter_ctx) throws(SandboxError) -> [UInt8] {
        let file = try Descriptor.memory("filter", [])
        try check(seccomp_export_bpf(context, file.number), "export")
        var bytes = [UInt8](repeating: 0, count: 256 * 1024)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count > 0, count < bytes.count else { throw .system("cannot read the filter back", errno) }
        return Array(bytes[..<count])
    }
}
