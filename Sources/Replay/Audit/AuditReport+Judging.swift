import EventStore
import Ledger
import Merkle

extension AuditReport {
    /// Integrity, and the notes about the end of the log.
    ///
    /// - Parameters:
    ///   - survey: what stands from the first damage on; nil where there is none.
    ///   - tiles: tile files that are not what the events make of them.
    mutating func judgeBytes(_ scan: LogScan, survey: DamageSurvey?, tiles: [TileAudit.Difference]) {
        counts.segments = scan.segmentCount
        counts.batches = scan.batches
        counts.textBytes = scan.textBytes
        counts.storedBytes = scan.storedBytes
        if let damage = scan.damage {
            let ranges = survey?.ranges ?? [damage]
            findings += ranges.map { Finding(damage: $0) }
            let more = ranges.count > 1 ? " (and \(ranges.count - 1) more damaged ranges)" : ""
            verdicts[.integrity] = Verdict(.failed, damage.description + more)
        } else if let tile = tiles.first {
            let more = tiles.count > 1 ? " (and \(tiles.count - 1) more)" : ""
            verdicts[.integrity] = Verdict(.failed, "\(tile)\(more)")
        } else {
            verdicts[.integrity] = Verdict(
                .passed, "every stored byte was read; every checksum, line count and tree root is right")
        }
        findings += tiles.map {
            Finding(
                question: .integrity, code: "tile", message: $0.description, file: $0.file, offset: $0.offset,
                sequence: $0.firstSequence)
        }
        if case .torn(let file, let offset, let bytes, let why) = scan.tail {
            notes.append(
                "torn tail: \(file), byte \(offset), \(bytes) bytes: \(why). It was never acknowledged and does not"
                    + " count."
            )
        }
        if scan.isGrowing { notes.append("the log was being written to; this is its state at event \(head.size)") }
        if scan.tree.size == 0, scan.damage == nil {
            verdicts[.integrity] = Verdict(.failed, "the log holds no event")
            findings.append(Finding(question: .integrity, code: "empty", message: "the log holds no event"))
        }
    }

    mutating func judgeMeaning(_ replay: MeaningReplay, isDamaged: Bool) {
        origin = replay.firstEvent.flatMap { FirstEvent.verifierKey(in: $0)?.name }
        watchedEvents = replay.watchedEvents
        guard wanted.contains(.meaning) else {
            verdicts[.meaning] = Verdict(.unchecked, "only bytes, roots and checkpoints were asked for")
            return
        }
        let state = replay.state.counts
        counts.customers = state.customers
        counts.keys = state.keys
        counts.liveSessions = state.liveSessions
        counts.endedSessions = state.endedSessions
        counts.proofs = replay.proofsVerified
        counts.unknownEvents = replay.state.unknownEvents
        findings.append(contentsOf: replay.findings)
        if let first = replay.findings.first {
            let more = replay.findings.count - 1
            verdicts[.meaning] = Verdict(.failed, first.message + (more > 0 ? " (and \(more) more)" : ""))
        } else if isDamaged {
            verdicts[.meaning] = Verdict(
                .unchecked,
                "events 0 to \(head.size) before the damage could have happened; what follows was not replayed")
        } else {
            verdicts[.meaning] = Verdict(
                .passed,
                "every event could have happened; \(counts.proofs) proofs verify and agree with their sessions")
        }
        if counts.unknownEvents > 0 {
            notes.append(
                "\(counts.unknownEvents) events are of types that this program does not know; they were skipped")
        }
    }
}

extension AuditReport.Finding {
    init(damage: LogScan.Damage) {
        self.init(
            question: .integrity, code: "damaged", message: damage.description, file: damage.file,
            offset: damage.offset, sequence: damage.firstSequence, lastSequence: damage.lastSequence,
            bytes: damage.bytes)
    }
}
