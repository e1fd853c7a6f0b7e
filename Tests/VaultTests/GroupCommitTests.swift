import Dispatch
import EventStore
import Foundation
import GRDB
import Merkle
import Synchronization
import Testing

@testable import Vault

@Suite("The vault's thread")
struct GroupCommitTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    @Test("reservations that wait together are one transaction, and all are durable after reopening")
    func oneTransaction() async throws {
        let vault = try temporary.open()
        let held = await HeldThread(vault)
        let before = vault.thread.committedBatches
        try await withThrowingTaskGroup { group in
            for number in 0..<500 {
                group.addTask { _ = try await vault.reserve(email: "u\(number)@example.com", customerID: "c\(number)") }
            }
            while vault.thread.waitingJobs < 500 { await Task.yield() }
            held.letGo()
            try await group.waitForAll()
        }
        // The one that held the thread, and one for all 500.
        #expect(vault.thread.committedBatches == before + 2)
        try await vault.close()
        try await temporary.withVault { vault async throws in
            for number in 0..<500 {
                #expect(try await vault.customerID(forEmail: "u\(number)@example.com") == "c\(number)")
            }
        }
    }

    @Test("what was answered is in the files already: a copy taken without closing holds it")
    func killedProcess() async throws {
        let vault = try temporary.open()
        _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
        try vault.recordSignedHead(TreeHead(size: 7, root: .zero))
        let copy = temporary.root + "/copy"
        try FileManager.default.copyItem(atPath: temporary.directory, toPath: copy)
        try temporary.setMode(0o700, of: copy)
        let survivor = try Vault.open(directory: copy)
        #expect(try await survivor.customerID(forEmail: "ada@example.com") == "cust_1")
        #expect(try survivor.highestSignedHead() == TreeHead(size: 7, root: .zero))
        try await survivor.close()
        try await vault.close()
    }

    @Test("one refused call does not disturb the others in its transaction")
    func refusedInBatch() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "taken@example.com", customerID: "c")
            let held = await HeldThread(vault)
            async let first = vault.reserve(email: "one@example.com", customerID: "c1")
            async let refused = failure { _ = try await vault.reserve(email: "taken@example.com", customerID: "c2") }
            async let second = vault.reserve(email: "two@example.com", customerID: "c3")
            while vault.thread.waitingJobs < 3 { await Task.yield() }
            held.letGo()
            #expect(try await [first, second].map(\.customerID) == ["c1", "c3"])
            #expect(try await refused.code == .emailTaken)
        }
    }

    /// How many answers were given together.
    private final class Groups: Sendable {
        let sizes = Mutex<[Int]>([])
        let answers = Mutex(0)
    }

    @Test("answers to calls that shared a transaction are given together, 32 at a time, refusals among them")
    func answersTogether() async throws {
        let vault = try temporary.open()
        let held = await HeldThread(vault)
        let groups = Groups()
        vault.answerTogether { body in
            groups.answers.withLock { $0 = 0 }
            body()
            groups.sizes.withLock { $0.append(groups.answers.withLock(\.self)) }
        }
        let ended = DispatchGroup()
        for number in 0..<70 {
            ended.enter()
            // Every seventh has the customer of the one before.
            let customer = number % 7 == 6 ? number - 1 : number
            vault.reserve(NewCustomer(customerID: "c\(customer)", email: "u\(number)@example.com")) { _ in
                groups.answers.withLock { $0 += 1 }
                ended.leave()
            }
        }
        held.letGo()
        await withCheckedContinuation { continuation in
            ended.notify(queue: .global()) { continuation.resume() }
        }
        try await vault.close()
        #expect(groups.sizes.withLock(\.self).filter { $0 > 0 } == [32, 32, 6])
    }

    @Test("what takes long after a commit is done before its answers are given together, and holds up nobody else's")
    func afterwardsIsApart() async throws {
        try await temporary.withVault { vault async throws in
            let isTogether = Atomic(false)
            vault.answerTogether { body in
                isTogether.store(true, ordering: .relaxed)
                body()
                isTogether.store(false, ordering: .relaxed)
            }
            let wasTogether = Mutex<Bool?>(nil)
            try await vault.thread.run(
                afterwards: { _ throws(VaultError) in
                    wasTogether.withLock { $0 = isTogether.load(ordering: .relaxed) }
                },
                { _ in }, finish: { () throws(VaultError) in })
            #expect(wasTogether.withLock(\.self) == false)
        }
    }

    /// Puts a call that SQLite fails beside a reservation in one transaction.
    ///
    /// - Returns: the code with which the reservation failed.
    private func reserve(beside result: ResultCode, in vault: Vault) async throws -> VaultError.Code {
        let held = await HeldThread(vault)
        async let reservation = code { _ = try await vault.reserve(email: "one@example.com", customerID: "c1") }
        while vault.thread.waitingJobs < 1 { await Task.yield() }
        async let failing = code {
            try await vault.thread.run { _ in
                throw DatabaseError(resultCode: result)
            } finish: { () throws(VaultError) in
            }
        }
        while vault.thread.waitingJobs < 2 { await Task.yield() }
        held.letGo()
        #expect(try await failing == .io)
        return try await reservation
    }

    @Test("when the disk is full a whole transaction fails, leaves no trace, and the vault goes on")
    func diskFull() async throws {
        try await temporary.withVault { vault async throws in
            #expect(try await reserve(beside: .SQLITE_FULL, in: vault) == .io)
            #expect(try await vault.customerID(forEmail: "one@example.com") == nil)
            #expect(vault.dataKeys.withKey(of: "c1") { _ in true } == nil)
            _ = try await vault.reserve(email: "one@example.com", customerID: "c1")
        }
    }

    @Test("an erasure that was rolled back has erased nothing: the e-mail is still taken, the data key still there")
    func erasureRolledBack() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            let sealed = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f")
            let held = await HeldThread(vault)
            async let erasure = code { _ = try await vault.erase("cust_1") }
            while vault.thread.waitingJobs < 1 { await Task.yield() }
            async let failing = code {
                try await vault.thread.run { _ in
                    throw DatabaseError(resultCode: .SQLITE_FULL)
                } finish: { () throws(VaultError) in
                }
            }
            while vault.thread.waitingJobs < 2 { await Task.yield() }
            held.letGo()
            #expect(try await (erasure, failing) == (.io, .io))
            #expect(
                try await code { _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_2") }
                    == .emailTaken)
            #expect(try await vault.customerID(forEmail: "ada@example.com") == "cust_1")
            #expect(try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f") == "x")
            #expect(try await vault.erase("cust_1"))
        }
    }

    @Test("after a failed write or sync nothing is accepted until a restart, which finds what was acknowledged")
    func poisoned() async throws {
        let vault = try temporary.open()
        _ = try await vault.reserve(email: "before@example.com", customerID: "c0")
        #expect(try await reserve(beside: .SQLITE_IOERR_FSYNC, in: vault) == .io)
        #expect(
            try await code { _ = try await vault.reserve(email: "after@example.com", customerID: "c2") } == .poisoned)
        #expect(try await code { _ = try vault.highestSignedHead() } == .poisoned)
        try await vault.close()
        try await temporary.withVault { vault async throws in
            #expect(try await vault.customerID(forEmail: "before@example.com") == "c0")
            #expect(try await vault.customerID(forEmail: "one@example.com") == nil)
        }
    }

    @Test("an erasure and a look-up in one transaction leave no key in memory")
    func erasedWhileRead() async throws {
        try await temporary.withVault { _ = try await $0.reserve(email: "ada@example.com", customerID: "cust_1") }
        let vault = try temporary.open()
        let held = await HeldThread(vault)
        async let found = vault.customerID(forEmail: "ada@example.com")
        while vault.thread.waitingJobs < 1 { await Task.yield() }
        async let erased = vault.erase("cust_1")
        while vault.thread.waitingJobs < 2 { await Task.yield() }
        held.letGo()
        #expect(try await found == "cust_1")
        #expect(try await erased)
        #expect(vault.dataKeys.withKey(of: "cust_1") { _ in true } == nil)
        try await vault.close()
    }
}
