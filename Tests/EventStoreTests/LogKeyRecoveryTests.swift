import CanonicalJSON
import Foundation
import Synchronization
import Testing

@testable import EventStore
@testable import FaultCampaign

@Suite("Recovery of a lost log key by the recovery key that it named")
struct LogKeyRecoveryTests {
    private let old: TestSigner
    private let new: TestSigner
    private let stranger: TestSigner
    private let offline: TestSigner
    private let strangerOffline: TestSigner

    init() throws {
        old = try TestSigner()
        new = try TestSigner(seed: Array(1..<33))
        stranger = try TestSigner(seed: Array(33..<65))
        offline = try TestSigner(origin: "example/recovery", seed: Array(65..<97))
        strangerOffline = try TestSigner(origin: "example/recovery", seed: Array(150..<182))
    }

    private func open(
        _ directory: String, _ signer: TestSigner, _ keeper: MemoryHeadKeeper = MemoryHeadKeeper(),
        naming recoveryKey: VerifierKey? = nil, recoveredBy recovery: TestSigner? = nil
    ) throws -> EventLog {
        var configuration = smallConfiguration()
        configuration.recoveryKey = recoveryKey
        return try EventLog.open(
            directory: directory, signer: signer, keeper: keeper, configuration: configuration,
            clock: { Timestamp(microseconds: 1_772_373_600_000_000) },
            newEventID: { "evt_" + String(repeating: "f", count: 32) },
            recovery: recovery.map {
                LogKeyRecovery(recoveryKey: $0, eventID: "evt_" + String(repeating: "d", count: 32))
            })
    }

    private func named() throws -> LogKeyHistory {
        try LogKeyHistory(
            first: old.verifierKey, recovery: try RecoveryEndorsement(by: old, of: offline.verifierKey))
    }

    @Test("the recovery key puts a new key in its place; the log goes on, and names the same recovery key again")
    func recovers() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path, old, naming: offline.verifierKey)
        #expect(log.keys.recoveryKey == offline.verifierKey)
        _ = try await log.append([draft(1)])
        let before = try await log.signCheckpoint()
        try await log.close()
        // The vault is lost: another key, and no memory of signed heads.
        let recovered = try open(directory.path, new, recoveredBy: offline)
        #expect(recovered.verifierKey == new.verifierKey && recovered.keys.recoveryKey == offline.verifierKey)
        _ = try await recovered.append([draft(2)])
        let after = try await recovered.signCheckpoint()
        let keys = recovered.keys
        try await recovered.close()
        try keys.verify(before)
        try keys.verify(after)
        try after.verify(with: new.verifierKey)
        #expect(keys.rotations.map(\.lastSize) == [2])
        #expect(try LogKeyHistory.read(from: directory.path) == keys)
        // And once more, from the key that the recovery brought.
        let again = try open(directory.path, stranger, recoveredBy: offline)
        #expect(again.keys.periods.count == 3)
        try await again.close()
        // Asking again for what is done changes nothing.
        let same = try open(directory.path, stranger, recoveredBy: offline)
        #expect(same.keys == again.keys)
        try await same.close()
    }

    @Test("without the recovery key, with another one, or in a log that names none, no other key opens the log")
    func refuses() async throws {
        let directory = try TemporaryDirectory()
        try await open(directory.path, old, naming: offline.verifierKey).close()
        for recovery in [nil, strangerOffline] {
            #expect { try open(directory.path, new, recoveredBy: recovery) } throws: {
                ($0 as? EventLogError)?.code == .foreign
            }
        }
        let bare = try TemporaryDirectory()
        try await open(bare.path, old).close()
        #expect { try open(bare.path, new, recoveredBy: offline) } throws: {
            ($0 as? EventLogError)?.message.contains("names no recovery key") == true
        }
        // The first key cannot return, and another recovery key than the named one cannot be asked for.
        try await open(directory.path, new, recoveredBy: offline).close()
        #expect { try open(directory.path, old, recoveredBy: offline) } throws: {
            ($0 as? EventLogError)?.message.contains("cannot return") == true
        }
        #expect { try open(directory.path, new, naming: strangerOffline.verifierKey) } throws: {
            ($0 as? EventLogError)?.code == .configuration
        }
        try await open(directory.path, new, naming: offline.verifierKey).close()
    }

    @Test("a log that lost what was signed is not recovered: the checkpoint beside it still holds")
    func rolledBack() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path, old, naming: offline.verifierKey)
        _ = try await log.append([draft(1)])
        try await log.close()
        let segment = directory.path + "/" + SegmentName.of(firstSequence: 0)
        let whole = try Data(contentsOf: URL(filePath: segment))
        let scan = try LogScanner(directory: directory.path).scan { _ in }
        let last = try #require(scan.segments.first?.batchOffsets.last?.offset)
        try whole.prefix(last).write(to: URL(filePath: segment))
        #expect { try open(directory.path, new, recoveredBy: offline) } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
    }

    @Test("every member of a recovery counts; nobody but the named key can make one")
    func statement() throws {
        let honest = try LogKeyRotation(recovering: old.verifierKey, to: new, lastSize: 5, by: offline)
        var keys = try named()
        for name in honest.data.names {
            var data = honest.data
            let other = try LogKeyRotation(recovering: stranger.verifierKey, to: old, lastSize: 6, by: strangerOffline)
            data[name] = other.data[name]
            guard let changed = LogKeyRotation(data: data) else { continue }
            #expect(throws: NoteError.self, "\(name)") { try keys.apply(changed) }
            data[name] = nil
            #expect(LogKeyRotation(data: data) == nil, "without \(name)")
        }
        var data = honest.data
        data["extra"] = .integer(1)
        #expect(LogKeyRotation(data: data) == nil)
        let forged = try LogKeyRotation(recovering: old.verifierKey, to: new, lastSize: 5, by: strangerOffline)
        #expect(throws: NoteError.self) { try keys.apply(forged) }
        var unnamed = LogKeyHistory(first: old.verifierKey)
        #expect(throws: NoteError.self) { try unnamed.apply(honest) }
        #expect(LogKeyRotation(data: honest.data) == honest)
        try keys.apply(honest)
        #expect(keys.current == new.verifierKey)
    }

    @Test("only the log's own key names its recovery key: a first event that somebody else signed for is none")
    func onlyTheKeyItself() throws {
        let bySomebody = try RecoveryEndorsement(by: stranger, of: offline.verifierKey)
        #expect(throws: NoteError.self) { try LogKeyHistory(first: old.verifierKey, recovery: bySomebody) }
        var data = JSONObject()
        data["format"] = .integer(1)
        data["origin"] = .string(old.verifierKey.name)
        data["verifier_key"] = .string(old.verifierKey.description)
        bySomebody.write(to: &data)
        func first(_ data: JSONObject) -> Envelope {
            Envelope(
                sequence: 0,
                event: EventDraft(
                    id: "evt_1", at: Timestamp(microseconds: 0), actor: "system", stream: "log", trace: "t",
                    type: FirstEvent.type, version: 1, data: data))
        }
        #expect(FirstEvent.keys(in: first(data)) == nil)
        try RecoveryEndorsement(by: old, of: offline.verifierKey).write(to: &data)
        #expect(FirstEvent.keys(in: first(data))?.recoveryKey == offline.verifierKey)
        data["recovery_signature"] = nil
        #expect(FirstEvent.keys(in: first(data)) == nil)
        #expect(throws: EventLogError.self) { try RecoveryEndorsement(by: old, of: old.verifierKey) }
    }

    @Test("after a rotation the new key says itself which recovery key holds: an earlier key's word is worth nothing")
    func everyKeyForItself() throws {
        let stranger = stranger
        for (kept, holds) in [(offline, true), (strangerOffline, false)] {
            var keys = try named()
            try keys.apply(try LogKeyRotation(from: old, to: new, lastSize: 5, naming: kept.verifierKey))
            #expect(keys.recoveryKey == kept.verifierKey)
            let recovery = try LogKeyRotation(recovering: new.verifierKey, to: stranger, lastSize: 9, by: offline)
            if holds {
                try keys.apply(recovery)
            } else {
                #expect(throws: NoteError.self) { try keys.apply(recovery) }
            }
        }
        var dropped = try named()
        try dropped.apply(try LogKeyRotation(from: old, to: new, lastSize: 5))
        #expect(dropped.recoveryKey == nil)
    }

    @Test("a rotation that stands elsewhere in the log than at the size it names is none")
    func place() throws {
        let rotation = try LogKeyRotation(recovering: old.verifierKey, to: new, lastSize: 5, by: offline)
        func event(at sequence: UInt64) -> Envelope {
            Envelope(
                sequence: sequence,
                event: EventDraft(
                    id: "evt_1", at: Timestamp(microseconds: 0), actor: "system", stream: "log", trace: "t",
                    type: rotation.type, version: 1, data: rotation.data))
        }
        for sequence: UInt64 in [4, 6] {
            var keys = try named()
            #expect(throws: NoteError.self) { try keys.apply(event(at: sequence)) }
            #expect(try keys == named())
        }
        var keys = try named()
        try keys.apply(event(at: 5))
        #expect(keys.current == new.verifierKey)
    }

    @Test("a rotation keeps the recovery key, or names another one")
    func rotationKeeps() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path, old, naming: offline.verifierKey)
        let id = "evt_" + String(repeating: "e", count: 32)
        let time = Timestamp(microseconds: 1_772_373_600_000_000)
        _ = try await log.rotateKey(to: new, eventID: id, at: time)
        #expect(log.keys.recoveryKey == offline.verifierKey)
        _ = try await log.rotateKey(to: stranger, naming: strangerOffline.verifierKey, eventID: id, at: time)
        #expect(log.keys.recoveryKey == strangerOffline.verifierKey)
        try await log.close()
        #expect(try LogKeyHistory.read(from: directory.path) == log.keys)
    }

    @Test("a crash, a power cut or an error at any operation of a recovery leaves one history, which it then finishes")
    func crashes() throws {
        let recovery = LogKeyRecovery(recoveryKey: offline, eventID: "evt_" + String(repeating: "d", count: 32))
        let time = Timestamp(microseconds: 1)
        /// Opens and recovers; what is on the disk then is served.
        func recover(_ disk: SimulatedDisk) throws -> LogOpener.OpenedLog {
            var opener = LogLife.opener(disk)
            opener.recoveryKey = offline.verifierKey
            let opened = try opener.open(signer: new, keeper: MemoryHeadKeeper()) { _ in }
            guard opened.keys.current != new.verifierKey else { return opened }
            return try opened.appendingRecovery(recovery, to: new, at: time).0
        }
        func lost() throws -> SimulatedDisk {
            let disk = SimulatedDisk()
            let opened = try LogLife.opener(disk).open(signer: old, keeper: MemoryHeadKeeper()) { _ in }
            let endorsement = try RecoveryEndorsement(by: old, of: offline.verifierKey)
            var writer = try opened.appendingFirst(
                FirstEvent.draft(key: old.verifierKey, recovery: endorsement, id: "evt_1", at: time)
            ).writer
            _ = try writer.commit([EncodedEvent(draft(1)), EncodedEvent(draft(2))], at: time)
            return disk.afterPowerCut(seed: 1)
        }
        let whole = try lost()
        let before = whole.operations
        _ = try recover(whole)
        for operation in before..<whole.operations {
            for fault in [Fault.crash, .tornCrash, .error(EIO)] {
                for powerCut in [false, true] {
                    let disk = try lost()
                    disk.state.withLock { $0.faults[operation] = fault }
                    // Whether it got through the fault or not: what counts is what the disk holds then.
                    do { _ = try recover(disk) } catch {}
                    let survivor =
                        powerCut ? disk.afterPowerCut(seed: UInt64(operation)) : disk.afterProcessDeath()
                    let finished = try recover(survivor)
                    #expect(finished.keys.current == new.verifierKey)
                    #expect(finished.head.size == 4 && finished.keys.rotations.count == 1)
                }
            }
        }
    }
}
