import EventStore

/// What goes wrong with one file operation.
enum Fault: Sendable, Hashable, Codable {
    /// Nothing of the operation reaches the page cache; everything after it fails too.
    case crash
    /// About half of a write's sectors get through; everything after it fails.
    case tornCrash
    /// A write or a read says that it did less than asked.
    case shortWrite
    /// The operation fails once. A failed sync leaves an unknown part of what was unsynced on the disk and all of it,
    /// marked clean, in the page cache.
    case error(Int32)

    /// How it stands in a campaign's report.
    var name: String {
        switch self {
        case .crash: "crash"
        case .tornCrash: "torn write, crash"
        case .shortWrite: "short"
        case .error(let number): number == 28 ? "ENOSPC" : "EIO"
        }
    }
}

/// Which operation of a disk's life a fault meets.
struct FaultPlan: Sendable {
    /// By the operation's number, from 0.
    var byNumber: [Int: Fault] = [:]
    /// By kind of operation, and how many of that kind come before it.
    var byKind: [FileError.Operation: [Int: Fault]] = [:]

    /// What meets operation `number`, the `ordinal`th of its kind.
    func fault(number: Int, operation: FileError.Operation, ordinal: Int) -> Fault? {
        byNumber[number] ?? byKind[operation]?[ordinal]
    }
}

/// A fault that happened.
struct FiredFault: Sendable, Hashable, Codable {
    let fault: Fault
    let operation: FileError.Operation

    private enum CodingKeys: CodingKey { case fault, operation }

    init(fault: Fault, operation: FileError.Operation) { (self.fault, self.operation) = (fault, operation) }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let name = try values.decode(String.self, forKey: .operation)
        guard let operation = FileError.Operation(rawValue: name) else {
            throw DecodingError.dataCorruptedError(
                forKey: .operation, in: values, debugDescription: "\(name) is no file operation")
        }
        self.init(fault: try values.decode(Fault.self, forKey: .fault), operation: operation)
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(fault, forKey: .fault)
        try values.encode(operation.rawValue, forKey: .operation)
    }
}

extension FileError.Operation {
    /// Every kind that can fail.
    static let kinds: [FileError.Operation] = [
        .open, .read, .write, .sync, .truncate, .rename, .remove, .list, .lock, .createDirectory, .syncDirectory,
    ]
}
