import Foundation
public import Merkle

/// The size of a log's tree and its root.
public struct TreeHead: Sendable, Hashable, CustomStringConvertible {
    public let size: UInt64
    public let root: Hash

    public init(size: UInt64, root: Hash) {
        self.size = size
        self.root = root
    }

    public var description: String { "size \(size), root \(root)" }
}

/// A signed tree head: C2SP `tlog-checkpoint` in a C2SP `signed-note`.
///
/// ```
/// ledger.example/log
/// 7
/// QsBjEM5rjMov1gJA7PiKQ0OSsF2cYJLRB5AeeFqSLjU=
///
/// — ledger.example/log SPzxR5/rnH4ndEdn…
/// ```
public struct Checkpoint: Sendable, Equatable {
    /// One signature line of the note.
    public struct Signature: Sendable, Equatable {
        public let name: String
        /// 4 bytes.
        public let keyID: [UInt8]
        /// What follows the key id; 64 bytes for plain Ed25519.
        public let bytes: [UInt8]

        public init(name: String, keyID: [UInt8], bytes: [UInt8]) {
            self.name = name
            self.keyID = keyID
            self.bytes = bytes
        }

        /// The line, without its newline.
        public var text: String { "\u{2014} \(name) \(Data(keyID + bytes).base64EncodedString())" }
    }

    /// Which log this is about.
    public let origin: String
    public let head: TreeHead
    /// Lines after the root, kept because they are signed too.
    public let extensions: [String]
    public let signatures: [Signature]

    /// Largest note that is read, in bytes.
    public static let textBytesMax = 1 << 20

    /// The text that signatures cover, its last newline included.
    public var body: String { Self.body(origin: origin, head: head, extensions: extensions) }

    /// The whole note.
    public var text: String {
        body + "\n" + signatures.map { $0.text + "\n" }.joined()
    }

    static func body(origin: String, head: TreeHead, extensions: [String] = []) -> String {
        "\(origin)\n\(head.size)\n\(Data(head.root.bytes).base64EncodedString())\n"
            + extensions.map { $0 + "\n" }.joined()
    }

    /// Signs a tree head.
    public init(origin: String, head: TreeHead, signer: any CheckpointSigner) throws(EventLogError) {
        self.origin = origin
        self.head = head
        extensions = []
        do {
            let key = signer.verifierKey
            let signature = try signer.sign(Array(Self.body(origin: origin, head: head).utf8))
            signatures = [Signature(name: key.name, keyID: key.keyID, bytes: signature)]
        } catch {
            throw EventLogError(.signing, "the log's key could not sign: \(error)", cause: error)
        }
    }

    /// Reads a note strictly.
    ///
    /// - Throws: ``NoteError`` naming the first thing that is off. No signature is verified here.
    public init(text: String) throws(NoteError) {
        guard text.utf8.count <= Self.textBytesMax else { throw .malformed("the note is larger than 1 MiB") }
        guard text.unicodeScalars.allSatisfy({ $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw .malformed("the note holds a control character")
        }
        guard let split = text.range(of: "\n\n", options: .backwards) else {
            throw .malformed("a blank line between text and signatures is missing")
        }
        let lines = text[..<split.lowerBound].split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 3 else { throw .malformed("origin, size and root are not all there") }
        guard let size = UInt64(lines[1]), String(size) == lines[1] else {
            throw .malformed("the size is not a number")
        }
        guard let rootBytes = Data(base64Encoded: lines[2]), rootBytes.base64EncodedString() == lines[2],
            let root = Hash(bytes: rootBytes)
        else { throw .malformed("the root is not 32 bytes of base64") }
        guard !lines[0].isEmpty else { throw .malformed("the origin is empty") }
        origin = lines[0]
        head = TreeHead(size: size, root: root)
        extensions = Array(lines[3...])
        guard extensions.allSatisfy({ !$0.isEmpty }) else { throw .malformed("an extension line is empty") }
        signatures = try Self.readSignatures(text[split.upperBound...])
    }

    static func readSignatures(_ text: Substring) throws(NoteError) -> [Signature] {
        guard text.hasSuffix("\n") else { throw .malformed("the note does not end in a newline") }
        var signatures: [Signature] = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "\u{2014}", VerifierKey.isValid(name: String(parts[1])),
                let bytes = Data(base64Encoded: String(parts[2])), bytes.count > 4,
                bytes.base64EncodedString() == parts[2]
            else { throw .malformed("a signature line is not `— name base64`") }
            signatures.append(
                .init(name: String(parts[1]), keyID: Array(bytes.prefix(4)), bytes: Array(bytes.dropFirst(4))))
        }
        return signatures
    }

    /// Checks that `key` signed this checkpoint; other signatures are ignored, as C2SP asks.
    ///
    /// - Throws: ``NoteError`` when there is no signature by that key, or one that does not verify.
    public func verify(with key: VerifierKey) throws(NoteError) {
        let own = signatures.filter { $0.name == key.name && $0.keyID == key.keyID }
        guard !own.isEmpty else { throw .unsigned(by: key.name) }
        let message = Array(body.utf8)
        guard own.allSatisfy({ key.verifies($0.bytes, over: message) }) else { throw .badSignature(by: key.name) }
    }
}

extension Checkpoint {
    /// Whether there is a signature of `key` that verifies.
    func isSigned(by key: VerifierKey) -> Bool {
        do throws(NoteError) {
            try verify(with: key)
            return true
        } catch { return false }
    }

    /// The same checkpoint with more signature lines.
    public func adding(_ more: [Signature]) -> Checkpoint {
        Checkpoint(origin: origin, head: head, extensions: extensions, signatures: signatures + more)
    }

    init(origin: String, head: TreeHead, extensions: [String], signatures: [Signature]) {
        self.origin = origin
        self.head = head
        self.extensions = extensions
        self.signatures = signatures
    }
}

/// Why a note is not accepted.
public enum NoteError: Error, Sendable, Equatable, CustomStringConvertible {
    case malformed(String)
    case unsigned(by: String)
    case badSignature(by: String)
    /// Signed by an earlier key of the log for a larger tree than that key may sign.
    case retired(key: String, lastSize: UInt64)

    public var description: String {
        switch self {
        case .malformed(let what): what
        case .unsigned(let name): "there is no signature by \(name)"
        case .badSignature(let name): "the signature by \(name) is wrong"
        case .retired(let key, let lastSize):
            "it is signed by the key \(key), which the log gave up after \(lastSize) events"
        }
    }
}

/// Holds the log's signing key.
public protocol CheckpointSigner: Sendable {
    /// The public half, named by the log's origin.
    var verifierKey: VerifierKey { get }
    /// 64 bytes of Ed25519 signature over `message`.
    func sign(_ message: [UInt8]) throws -> [UInt8]
}

/// Remembers, apart from the log's files, the highest tree head ever signed, so that a log that was rolled back cannot
/// go on as if nothing had happened.
public protocol SignedHeadKeeper: Sendable {
    /// The highest head ever recorded, or nil when none was.
    func highestSignedHead() throws -> TreeHead?
    /// Makes `head` durable before its checkpoint is shown to anyone.
    func recordSignedHead(_ head: TreeHead) throws
}
