import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite("Backups: decisions")
struct DecideBackupsTests {
    private static let contents = BackupOutcome.completed(BackupContents(bytes: 10, events: 3, root: Hash(of: [1])))

    private func start(_ world: inout World, _ key: KeyID) throws -> BackupID {
        let id = BackupID(using: &world.generator)
        _ = try world.run(.startBackup(StartBackup(backupID: id)), as: .key(key))
        return id
    }

    private func make(_ world: inout World, _ key: KeyID) throws -> BackupID {
        let id = try start(&world, key)
        _ = try world.run(.endBackup(EndBackup(backupID: id, outcome: Self.contents)))
        return id
    }

    private func restore(_ id: BackupID, _ world: inout World) -> (Command, RestoreID) {
        let restore = RestoreID(using: &world.generator)
        return (.startRestore(StartRestore(backupID: id, restoreID: restore)), restore)
    }

    @Test("one backup of a customer is made at a time, the plan's number is kept, and deleting one makes room")
    func limit() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let limit = try #require(Plan.of(.free).backups)
        var made: [BackupID] = []
        for _ in 0..<limit {
            let id = try start(&world, key)
            let another = Command.startBackup(StartBackup(backupID: BackupID(using: &world.generator)))
            #expect(world.refusal(another, as: .key(key))?.code == .conflict)
            #expect(world.refusal(.deleteBackup(id), as: .key(key))?.code == .conflict)
            _ = try world.run(.endBackup(EndBackup(backupID: id, outcome: Self.contents)))
            made.append(id)
        }
        let more = Command.startBackup(StartBackup(backupID: BackupID(using: &world.generator)))
        let refusal = world.refusal(more, as: .key(key))
        #expect(refusal?.code == .limitReached && refusal?.exhausted == .backups)
        #expect(world.state.backups(of: customer, in: .live).map(\.id) == made.reversed())
        _ = try world.run(.deleteBackup(made[0]), as: .key(key))
        #expect(world.refusal(more, as: .key(key)) == nil)
    }

    @Test("nobody else's backup is there: not to delete, not to restore; test data has its own")
    func tenants() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (_, stranger) = try world.signUp()
        let id = try make(&world, key)
        for command in [Command.deleteBackup(id), restore(id, &world).0] {
            #expect(world.refusal(command, as: .key(stranger))?.code == .notFound)
            #expect(world.refusal(command, as: .key(key)) == nil)
        }
        #expect(world.state.backups(of: customer, in: .test).isEmpty)
    }

    @Test("only what was made is restored, one at a time and a few times; what is being restored is not deleted")
    func restores() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let failed = try start(&world, key)
        #expect(world.refusal(restore(failed, &world).0, as: .key(key))?.code == .conflict)
        _ = try world.run(.endBackup(EndBackup(backupID: failed, outcome: .failed(.diskFull))))
        #expect(world.refusal(restore(failed, &world).0, as: .key(key))?.code == .conflict)
        let id = try make(&world, key)
        for _ in 0..<BackupEntry.restoresMax {
            let (command, restoreID) = restore(id, &world)
            _ = try world.run(command, as: .key(key))
            #expect(world.refusal(restore(id, &world).0, as: .key(key))?.code == .conflict)
            #expect(world.refusal(.deleteBackup(id), as: .key(key))?.code == .conflict)
            let end = Command.endRestore(EndRestore(backupID: id, restoreID: restoreID, outcome: Self.contents))
            _ = try world.run(end)
            #expect(world.refusal(end)?.code == .conflict, "an end is said once")
        }
        #expect(world.refusal(restore(id, &world).0, as: .key(key))?.code == .limitReached)
        #expect(world.refusal(.deleteBackup(id), as: .key(key)) == nil)
    }

    @Test("an erased customer has no backups any more, and an end that comes later is refused")
    func erasure() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let id = try start(&world, key)
        _ = try world.run(.eraseCustomer(customer), as: .operator)
        #expect(world.state.backup(id) == nil && world.state.allBackups.isEmpty)
        let end = Command.endBackup(EndBackup(backupID: id, outcome: Self.contents))
        #expect(world.refusal(end)?.code == .notFound)
    }
}
