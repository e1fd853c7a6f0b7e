import Foundation
import GRDB

/// Whose an e-mail is among members.
public struct MemberReference: Sendable, Hashable {
    public let customerID: String
    public let memberID: String

    public init(customerID: String, memberID: String) {
        self.customerID = customerID
        self.memberID = memberID
    }
}

extension Vault {
    /// Takes the e-mail for a member, durable when this returns. Comes before the event that adds the member; if that
    /// event fails, call ``releaseMember(_:)``. Spelled as in ``reserve(email:customerID:)``: an e-mail is one member's.
    ///
    /// - Throws: ``VaultError/Code/emailTaken``, ``VaultError/Code/invalidInput``.
    public func reserveMember(email: String, for member: MemberReference) async throws(VaultError) {
        let digest = try emailIndex.digest(of: email)
        let tag = masterKey.authenticate(MemberRow.binding(member, digest))
        try await thread.run { db in
            let row = MemberRow(member: member, emailDigest: digest, tag: tag)
            try row.checkIsFree(db)
            try row.insert(db)
        } finish: { () throws(VaultError) in
        }
    }

    /// Frees a member's e-mail: the member was removed, or was never added. Nothing happens when there is none.
    public func releaseMember(_ memberID: String) async throws(VaultError) {
        try await thread.run { db in
            try MemberRow.delete(db, memberID: memberID)
        } finish: { () throws(VaultError) in
        }
    }

    /// The member with this e-mail, however it is spelled; nil for nobody.
    ///
    /// - Throws: ``VaultError/Code/damaged`` when the row was altered, for example to point to somebody else.
    public func member(forEmail email: String) async throws(VaultError) -> MemberReference? {
        let digest = try emailIndex.digest(of: email)
        return try await thread.run { db in
            try MemberRow.fetch(db, emailDigest: digest)
        } finish: { [masterKey] row throws(VaultError) in
            guard let row else { return nil }
            guard masterKey.isAuthentic(row.tag, MemberRow.binding(row.member, digest)) else {
                throw VaultError(
                    .damaged,
                    "the vault's row of member \(row.member.memberID) was altered. Restore the vault from a backup.")
            }
            return row.member
        }
    }

    /// Frees the e-mails of all who are not in `known`: members whose event never came because the server died, and
    /// those whose removal was recorded but not yet carried out here. To be called at every start.
    ///
    /// - Returns: the ids of those freed.
    @discardableResult
    public func removeOrphanMembers(known: Set<String>) async throws(VaultError) -> [String] {
        try await thread.run { db in
            let stored = try String.fetchAll(db, sql: "SELECT member_id FROM member_emails")
            let orphans = stored.filter { !known.contains($0) }
            for memberID in orphans { try MemberRow.delete(db, memberID: memberID) }
            return orphans
        } finish: { orphans throws(VaultError) in
            orphans
        }
    }

    /// What stands for an e-mail, however it is spelled: a keyed hash that tells nothing without the vault.
    ///
    /// - Throws: ``VaultError/Code/invalidInput`` for an empty one, or one of more than 320 bytes.
    public func emailDigest(of email: String) throws(VaultError) -> [UInt8] { try emailIndex.digest(of: email) }
}

/// A row of `member_emails`; its tag binds e-mail, customer and member, so rows cannot be altered or swapped.
struct MemberRow: Sendable {
    let member: MemberReference
    let emailDigest: [UInt8]
    let tag: [UInt8]

    static func binding(_ member: MemberReference, _ emailDigest: [UInt8]) -> Binding {
        Binding(.memberEmail, Array(member.customerID.utf8), Array(member.memberID.utf8), emailDigest)
    }

    static func fetch(_ db: Database, emailDigest: [UInt8]) throws -> MemberRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT customer_id, member_id, email_digest, tag FROM member_emails WHERE email_digest = ?")
        return try Row.fetchOne(statement, arguments: [Data(emailDigest)]).map {
            MemberRow(
                member: MemberReference(customerID: $0["customer_id"], memberID: $0["member_id"]),
                emailDigest: $0.bytes("email_digest"), tag: $0.bytes("tag"))
        }
    }

    /// - Throws: ``VaultError/Code/emailTaken`` when a member has this e-mail.
    func checkIsFree(_ db: Database) throws {
        guard try Self.fetch(db, emailDigest: emailDigest) == nil else {
            throw VaultError(.emailTaken, "this e-mail belongs to a member already.")
        }
    }

    func insert(_ db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT INTO member_emails (member_id, customer_id, email_digest, tag) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [member.memberID, member.customerID, Data(emailDigest), Data(tag)])
    }

    static func delete(_ db: Database, memberID: String) throws {
        try db.cachedStatement(sql: "DELETE FROM member_emails WHERE member_id = ?").execute(arguments: [memberID])
    }
    /// Frees the e-mails of all members of a customer.
    static func deleteAll(_ db: Database, customerID: String) throws {
        try db.cachedStatement(sql: "DELETE FROM member_emails WHERE customer_id = ?").execute(arguments: [customerID])
    }
}
