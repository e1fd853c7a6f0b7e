import CLinux
import Glibc
import Merkle
import Proofs

/// Ends one environment for ever and measures that it did: steps 1 to 6 of docs/cdp.md. Blocks; call once.
struct Destruction {
    let environment: RawEnvironment
    let key: SessionDataKey
    let environmentSecrets: Int
    let ownNamespaces: ProcessSurvey.OwnNamespaces
    let beforeComparing: (@Sendable (Int32) -> Void)?
    /// Waits for the kernel or for init that ran into ``patienceMilliseconds``: 0 unless something is wrong.
    private(set) var exhaustedWaits = 0
    private var findings: [DestructionFailure.Finding] = []

    init(
        environment: RawEnvironment, key: SessionDataKey, environmentSecrets: Int,
        ownNamespaces: ProcessSurvey.OwnNamespaces, beforeComparing: (@Sendable (Int32) -> Void)? = nil
    ) {
        self.environment = environment
        self.key = key
        self.environmentSecrets = environmentSecrets
        self.ownNamespaces = ownNamespaces
        self.beforeComparing = beforeComparing
    }

    /// How long each wait for the kernel may take.
    private static let patienceMilliseconds = 5_000

    mutating func run() throws(DestructionFailure) -> DestructionEvidence {
        let before = environment.cgroup?.processCount(without: environment.monitor) ?? survey().processes.count
        stopEverythingButInit()
        var usage = nrx_file_system_usage()
        let measured = nrx_file_system_usage(environment.tmpfs.number, &usage)
        expect(3, "file system size", "readable", measured == 0 ? "readable" : systemErrorText(measured))

        var wipe = WorkspaceWipe(root: environment.tmpfs.number, beforeComparing: beforeComparing)
        let report = wipe.run()
        check(report)
        let keyEvidence = key.destroy()
        expect(4, "zeroed", "true", "\(keyEvidence.zeroed)")
        expect(4, "read_back_zero", "true", "\(keyEvidence.readBackZero)")

        let after = endAndSurvey()
        let expectedRoot = ZeroTree.root(blocks: report.bytesCompared / ZeroTree.blockBytes)
        expect(6, "merkle_root", expectedRoot.hex, report.tree.root.hex)
        guard findings.isEmpty else { throw DestructionFailure(findings: findings) }
        return DestructionEvidence(
            isolation: IsolationEvidence(
                namespaces: environment.namespaces, processesBefore: before, processesAfter: after.processes,
                layersMissing: environment.missingLayers.map(\.rawValue).sorted()),
            fileSystem: FileSystemEvidence(
                mountID: Int64(environment.tmpfsStatus.mount), sizeBytes: Int64(usage.blocks * usage.block_bytes),
                files: report.files, bytes: report.bytes, openDescriptorsAfter: after.descriptors,
                presentAfter: after.isPresent),
            overwrite: OverwriteEvidence(
                bytes: report.bytes, bytesOverwritten: report.bytesOverwritten, bytesCompared: report.bytesCompared,
                mismatches: report.mismatches, initOnFree: HostMemory.initOnFree, swapActive: HostMemory.swapActive),
            key: keyEvidence,
            credentials: CredentialEvidence(
                environmentSecrets: environmentSecrets, terminalTickets: keyEvidence.sealed.terminalTickets),
            zeroTree: ZeroTreeEvidence(
                blocks: Int64(report.tree.size), merkleRoot: report.tree.root, expectedRoot: expectedRoot))
    }

    private mutating func expect(_ step: Int, _ measurement: String, _ expected: String, _ measured: String) {
        guard expected != measured else { return }
        findings.append(.init(step: step, measurement: measurement, expected: expected, measured: measured))
    }

    /// Destruction starts from a still world: only init is left, so nothing writes while blocks are overwritten.
    private mutating func stopEverythingButInit() {
        environment.channel.beginEnding()
        // First the cgroup, so that no fork storm outruns init; then init, which also kills what it has just forked and
        // what is still on its way into the cgroup. Waiting for an empty cgroup before that would wait for such a one.
        environment.cgroup?.stopWork()
        killByInit()
        guard let cgroup = environment.cgroup else { return }
        let isEmpty = waited(cgroup.work.killAll(timeoutMilliseconds: Self.patienceMilliseconds))
        expect(1, "processes besides init", "0", isEmpty ? "0" : "\(cgroup.work.processes().count)")
    }

    /// Init takes requests in order: once it has answered this one, nothing asked for earlier can still start.
    private mutating func killByInit() {
        var header = nrx_request()
        header.type = NRX_REQUEST_KILL_ALL.rawValue
        do throws(SandboxError) {
            _ = try environment.channel.ask(
                header, milliseconds: Int32(Self.patienceMilliseconds), isPartOfEnding: true)
        } catch {
            // An init that is dead has taken everything with it; one that does not answer is measured below.
            _ = waited(error.systemError != ETIMEDOUT)
        }
    }

    /// Counts a wait that ended because its time was over.
    private mutating func waited(_ isDone: Bool) -> Bool {
        if !isDone { exhaustedWaits += 1 }
        return isDone
    }

    private mutating func check(_ report: WorkspaceWipe.Report) {
        expect(3, "overwriting", "complete", report.problem ?? "complete")
        expect(
            3, "bytes_overwritten", "\(report.bytes * Int64(WipeBuffers.Pass.allCases.count))",
            "\(report.bytesOverwritten)")
        expect(3, "bytes_compared", "\(report.bytes)", "\(report.bytesCompared)")
        expect(3, "mismatches", "0", "\(report.mismatches)")
        // The file system's own count of used blocks: a file that is deleted but held open shows here.
        expect(2, "blocks that belong to no file", "0", "\(report.blocksUnexplained)")
        expect(2, "entries left", "0", "\(report.entriesLeft)")
    }

    private struct After {
        var processes = 0
        var descriptors = 0
        var isPresent = false
    }

    /// Kills init, then looks for anything left. The namespaces and the file system are held by descriptors meanwhile,
    /// so that their numbers cannot be another's.
    private mutating func endAndSurvey() -> After {
        let pins = ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup"].compactMap {
            try? Descriptor.open("/proc/\(environment.initPid)/ns/\($0)", O_RDONLY)
        }
        let ended = waited(environment.kill(timeoutMilliseconds: Int32(Self.patienceMilliseconds)))
        expect(1, "end of the session's init", "reaped", ended ? "reaped" : "still there")
        let device = environment.tmpfsStatus.device
        let survey = survey()
        var after = After()
        let left = Set(survey.processes).union(environment.cgroup?.whole.processes() ?? [])
        after.processes = left.count
        expect(1, "processes_after", "0", "\(after.processes)")
        after.isPresent = !survey.seeingMount.isEmpty
        expect(2, "present_after", "false", "\(after.isPresent)")
        after.descriptors = DescriptorSurvey.onDevice(device, except: [environment.tmpfs.number]).count
        expect(2, "open_descriptors_after", "0", "\(after.descriptors)")
        environment.tmpfs.close()
        pins.forEach { $0.close() }
        removeCgroup(isHeld: after.descriptors > 0 || after.isPresent || after.processes > 0)
        return after
    }

    private func survey() -> ProcessSurvey {
        ProcessSurvey.take(
            namespaces: environment.namespaces, own: ownNamespaces, device: environment.tmpfsStatus.device)
    }

    private mutating func removeCgroup(isHeld: Bool) {
        guard let cgroup = environment.cgroup else { return }
        // The kernel's count of the session's shared memory: 0 once the tmpfs itself is freed.
        var shared = cgroup.sharedMemoryBytes() ?? 0
        // What is known to be held will not be freed by waiting.
        let patience = isHeld ? 100 : Self.patienceMilliseconds
        let deadline = monotonicMicroseconds() + Int64(patience) * 1_000
        while shared != 0 && monotonicMicroseconds() < deadline {
            usleep(500)
            shared = cgroup.sharedMemoryBytes() ?? 0
        }
        _ = waited(shared == 0)
        expect(2, "shared memory of the session's cgroup", "0", "\(shared)")
        let left = cgroup.remove(timeoutMilliseconds: patience)
        _ = waited(left.isEmpty)
        expect(1, "cgroups left", "0", "\(left.count)")
    }
}

/// What the host does with memory that is freed.
enum HostMemory {
    /// Whether the kernel zeroes pages as it frees them: `init_on_free=1` on its command line, or its build's default.
    static var initOnFree: Bool {
        let words = (KernelFile.read("/proc/cmdline") ?? "").split { $0.isWhitespace }
        if let word = words.last(where: { $0.hasPrefix("init_on_free=") }) {
            return ["1", "on", "y", "Y"].contains(word.dropFirst("init_on_free=".count))
        }
        // Unstated, the build decides; only /boot tells, and "not known" counts as no.
        var name = utsname()
        guard uname(&name) == 0 else { return false }
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return KernelFile.read("/boot/config-" + release)?.contains("CONFIG_INIT_ON_FREE_DEFAULT_ON=y") ?? false
    }

    /// Whether swap is on: then pages may have been written to a disk before they were overwritten.
    static var swapActive: Bool {
        (KernelFile.read("/proc/swaps") ?? "").split(separator: "\n").count > 1
    }
}
