public import EventStore
import Ledger
import Merkle

/// Reads a log directory from its first byte to its last, and says what can be trusted about it.
///
/// ```swift
/// let report = try LogAuditor(verifierKey: key).audit("data/log")
/// report[.integrity].result   // .passed
/// report.status.rawValue      // the exit code
/// ```
///
/// Read-only; takes no lock and works on a copy and on a log that is being written to. Uses all cores; memory is a few
/// megabytes and what ``Ledger/State`` holds.
public struct LogAuditor: Sendable {
    /// The log's key as the auditor got it out of band; nil believes the log's first event.
    public var verifierKey: VerifierKey?
    /// An older checkpoint that the auditor kept; the log must extend it.
    public var keptCheckpoint: Checkpoint?
    /// Which logs and witnesses the auditor trusts; nil asks nothing about witnesses.
    public var policy: TrustPolicy?
    /// Whether only bytes, roots and checkpoints are checked, not what the events mean.
    public var bytesOnly: Bool
    /// A stream whose events are to be kept in the report.
    public var watchedStream: String?
    public var resources: ScanResources

    public init(
        verifierKey: VerifierKey? = nil, keptCheckpoint: Checkpoint? = nil, bytesOnly: Bool = false,
        watchedStream: String? = nil, resources: ScanResources = ScanResources()
    ) {
        self.verifierKey = verifierKey
        self.keptCheckpoint = keptCheckpoint
        self.bytesOnly = bytesOnly
        self.watchedStream = watchedStream
        self.resources = resources
    }

    /// Audits the log in `directory`.
    ///
    /// - Parameter progress: told of stored bytes as they are verified.
    /// - Throws: ``AuditorError`` when the directory holds no log or a file cannot be read. Damage is a finding.
    public func audit(
        _ directory: String, progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) -> AuditReport {
        // First the checkpoint, then the segments: on a live log the segments can only be newer.
        let own = try InputFiles.ownCheckpoint(of: directory)
        var wanted: Set<AuditReport.Question> = [.integrity]
        if !bytesOnly { wanted.insert(.meaning) }
        if verifierKey != nil { wanted.insert(.authenticity) }
        if keptCheckpoint != nil { wanted.insert(.rollback) }
        // Before the segments are read, too.
        let cosigned = policy == nil ? nil : try InputFiles.ownCheckpoint(of: directory, named: InputFiles.cosignedName)
        if policy != nil { wanted.formUnion([.authenticity, .witnesses]) }
        var report = AuditReport(
            directory: directory, head: TreeHead(size: 0, root: TreeHasher.emptyRoot), wanted: wanted)
        let sizes = Set([try? own?.get(), keptCheckpoint, try? cosigned?.get()].compactMap { $0?.head.size })
        var replay = MeaningReplay(bytesOnly: bytesOnly, watchedStream: watchedStream)
        let (scan, tiles) = try scan(directory, sizes: sizes, replay: &replay, progress: progress)
        let (survey, evidence) = try survey(
            directory, after: scan, checkpoint: own, lastLeaves: tiles.lastLeaves, replay: &replay)
        let late = try resolveLateHeads(replay.unresolvedHeads, in: directory)
        report.head = TreeHead(size: scan.tree.size, root: scan.tree.root)
        replay.finish(scan, lateRoots: late)
        report.judgeBytes(scan, survey: survey, tiles: tiles.differences)
        report.judgeEvidence(evidence, survey: survey)
        report.judgeMeaning(replay, isDamaged: scan.damage != nil)
        CheckpointJudge(
            own: own, kept: keptCheckpoint, expectedKey: expectedKey(replay.keys), roots: scan.roots, head: report.head
        ).judge(named: replay.keys, isDamaged: scan.damage != nil, into: &report)
        if let policy {
            WitnessJudge(policy: policy, cosigned: cosigned ?? own, roots: scan.roots, head: report.head)
                .judge(replay.keys, into: &report)
        }
        return report
    }

    /// The key that the log must have: the one given, or the one of the policy's logs that is of this origin.
    private func expectedKey(_ named: LogKeyHistory?) -> VerifierKey? {
        if let verifierKey { return verifierKey }
        guard let logs = policy?.logs, !logs.isEmpty else { return nil }
        return logs.first { named?.contains($0) ?? false } ?? logs[0]
    }

    private func scan(
        _ directory: String, sizes: Set<UInt64>, replay: inout MeaningReplay, progress: (ScanProgress) -> Void
    ) throws(AuditorError) -> (LogScan, TileAudit) {
        let scanner = LogScanner(directory: directory)
        let reader = BatchReader(bytesOnly: bytesOnly)
        do {
            var meter = try ScanProgress(scanner)
            var tiles = try TileAudit(directory: directory)
            let scan = try scanner.scanInParallel(rootsAt: sizes, resources: resources) { batch in
                reader.read(batch)
            } visit: { batch, content in
                replay.take(batch, content)
                try tiles.take(batch)
                meter.add(batch.header)
                progress(meter)
            }
            return (scan, tiles)
        } catch let error as EventLogError {
            throw AuditorError(error)
        } catch let error as AuditorError {
            throw error
        } catch {
            throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }

    /// What stands behind the first damage: every further damaged range, every proof there, as a document, and whether the
    /// tiles show that these events were signed for.
    private func survey(
        _ directory: String, after scan: LogScan, checkpoint: Result<Checkpoint, NoteError>?,
        lastLeaves: [UInt64: Hash], replay: inout MeaningReplay
    ) throws(AuditorError) -> (DamageSurvey?, TileEvidence.Finding?) {
        guard let damage = scan.damage else { return (nil, nil) }
        let reader = BatchReader(bytesOnly: bytesOnly)
        var evidence = signedHead(checkpoint, replay.keys, beyond: scan.tree.size).map {
            TileEvidence(directory: directory, head: $0, lastLeaves: lastLeaves)
        }
        do throws(EventLogError) {
            let survey = try LogScanner(directory: directory).survey(after: damage) {
                evidence?.take($0)
                replay.takeBehindDamage(reader.read($0))
            }
            return (survey, evidence?.judge(goodSize: scan.tree.size))
        } catch { throw AuditorError(error) }
    }

    /// Only a signature makes anything of the tiles. A key that a rotation behind the damage named is not known.
    private func signedHead(
        _ checkpoint: Result<Checkpoint, NoteError>?, _ keys: LogKeyHistory?, beyond size: UInt64
    ) -> TreeHead? {
        do throws(NoteError) {
            guard let signed = try checkpoint?.get(), let keys, signed.head.size > size else { return nil }
            try keys.verify(signed)
            return signed.head
        } catch { return nil }
    }

    /// Roots that step 7 of some proof claims and that lie too far back to have been in memory: a second reading, of
    /// bytes alone.
    private func resolveLateHeads(_ sizes: Set<UInt64>, in directory: String) throws(AuditorError) -> [UInt64: Hash] {
        guard !sizes.isEmpty else { return [:] }
        do {
            return try LogScanner(directory: directory)
                .scanInParallel(rootsAt: sizes, resources: resources, map: { _ in }, visit: { _, _ in }).roots
        } catch let error as EventLogError {
            throw AuditorError(error)
        } catch {
            throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }
}
