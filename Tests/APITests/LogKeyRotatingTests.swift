import EventStore
import Foundation
import ServerFixtures
import Testing

@testable import API
@testable import Vault

@Suite("A rotation of the log's key that a crash interrupts")
struct LogKeyRotatingTests {
    private func configuration(_ directory: TemporaryDirectory) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.dataDirectory = directory.path
        configuration.segmentBytes = 1 << 20
        return configuration
    }

    private func openLog(
        _ directory: TemporaryDirectory, _ opened: (vault: Vault, signer: any CheckpointSigner)
    ) throws -> EventLog {
        var configuration = EventLogConfiguration()
        configuration.segmentBytes = 1 << 20
        let (vault, signer) = opened
        return try EventLog.open(
            directory: directory.path + "/log", signer: signer, keeper: vault, configuration: configuration,
            clock: SystemClock.now, newEventID: { "evt_" + String(repeating: "f", count: 32) })
    }

    @Test("before the event: the old key goes on, and the next rotation uses the key that was kept")
    func beforeTheEvent() async throws {
        let directory = try TemporaryDirectory()
        let opened = try LogKeyRotating.openVault(configuration(directory))
        let vault = opened.vault
        try await openLog(directory, opened).close()
        let old = vault.verifierKey
        let kept = try vault.prepareNextLogKey().verifierKey
        try await vault.close()
        let reopened = try LogKeyRotating.openVault(configuration(directory))
        #expect(reopened.signer.verifierKey == old)
        let log = try openLog(directory, reopened)
        try reopened.vault.adoptNextLogKey(of: log)
        #expect(reopened.vault.verifierKey == old)
        try await log.close()
        try await reopened.vault.close()
        let outcome = try await LogKeyRotating(configuration: configuration(directory)).run()
        #expect(outcome.old == old.description && outcome.new == kept.description)
    }

    @Test(
        "a vault from before the latest rotation is restored: the recovery key gives it a new key, and its data stays")
    func olderVault() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/recovery.key"
        var settings = configuration(directory)
        settings.logRecoveryKey = LogRecoveryKey(try RecoveryKey.make(at: file, name: "r").verifierKey)
        settings.warmPoolSize = 0
        settings.initPath = directory.path + "/no-init"
        let configuration = settings
        func start() async throws -> Server {
            try await Server.start(configuration: configuration, logger: TestServer.quiet)
        }
        try await start().stop()
        let (vault, kept) = (directory.path + "/vault", directory.path + "/kept")
        try FileManager.default.copyItem(atPath: vault, toPath: kept)
        let first = try await LogKeyRotating(configuration: configuration).run()
        try FileManager.default.removeItem(atPath: vault)
        try FileManager.default.moveItem(atPath: kept, toPath: vault)
        await #expect { try await start() } throws: { "\($0)".contains("--recovery-key FILE") }
        let recovered = try await LogKeyRotating(configuration: configuration).recover(with: file)
        #expect(recovered.old == first.new && recovered.new != first.old)
        let server = try await start()
        #expect(server.log.keys.periods.count == 3)
        #expect(server.vault.verifierKey.description == recovered.new)
        #expect(try server.vault.nextLogKey() == nil)
        try await server.stop()
        await #expect(throws: ServerError.self) {
            try await LogKeyRotating(configuration: configuration).recover(with: file)
        }
    }

    @Test("after the event: the vault takes the new key over at the next start")
    func afterTheEvent() async throws {
        let directory = try TemporaryDirectory()
        let opened = try LogKeyRotating.openVault(configuration(directory))
        let vault = opened.vault
        let log = try openLog(directory, opened)
        let next = try vault.prepareNextLogKey()
        _ = try await log.rotateKey(
            to: next, eventID: "evt_" + String(repeating: "e", count: 32), at: SystemClock.now())
        try await log.close()
        try await vault.close()
        let reopened = try LogKeyRotating.openVault(configuration(directory))
        #expect(reopened.signer.verifierKey == next.verifierKey)
        // Only once the log is open, and what it read durable, the old key is given up.
        #expect(reopened.vault.verifierKey != next.verifierKey)
        let again = try openLog(directory, reopened)
        try reopened.vault.adoptNextLogKey(of: again)
        #expect(reopened.vault.verifierKey == next.verifierKey)
        #expect(try reopened.vault.nextLogKey() == nil)
        #expect(again.keys.periods.count == 2)
        try await again.close()
        try await reopened.vault.close()
    }

    @Test("after the event, without a restart: the next rotation takes the new key over first, then goes on")
    func afterTheEventWithoutARestart() async throws {
        let directory = try TemporaryDirectory()
        let opened = try LogKeyRotating.openVault(configuration(directory))
        let vault = opened.vault
        let log = try openLog(directory, opened)
        let next = try vault.prepareNextLogKey().verifierKey
        _ = try await log.rotateKey(
            to: try vault.prepareNextLogKey(), eventID: "evt_" + String(repeating: "e", count: 32),
            at: SystemClock.now())
        // The vault could not take it over at that time.
        #expect(vault.verifierKey != next)
        let rotation = try await LogKeyRotator(log: log, vault: vault).rotate(naming: nil, at: SystemClock.now())
        #expect(rotation.old == next && rotation.new != next)
        #expect(vault.verifierKey == rotation.new)
        #expect(try vault.nextLogKey() == nil)
        try await log.close()
        try await vault.close()
    }
}
