import CLinux
import Glibc
import LedgerFixtures

@testable import Sandbox

/// Sends nrx-init requests that are wrong in every way a datagram can be.
struct RequestFuzzer {
    private var generator: SeededGenerator
    /// Our ends of the reply sockets of this batch that must be answered.
    private var replies: [Descriptor] = []
    /// Other ends that must stay open meanwhile, such as those of program sockets.
    private var kept: [Descriptor] = []

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Sends one request; returns 0 or errno.
    mutating func send(to channel: InitChannel) -> Int32 {
        do throws(SandboxError) {
            let bytes = body()
            let (descriptors, reply) = try descriptors()
            let isWhole = bytes.count <= Int(NRX_REQUEST_BYTES_MAX) && descriptors.count <= Int(NRX_DESCRIPTORS_MAX)
            if let reply, isWhole { replies.append(reply) }
            return channel.send(bytes, descriptors: descriptors)
        } catch { return error.systemError == 0 ? EIO : error.systemError }
    }

    /// How many requests of this batch got no answer; begins the next batch.
    ///
    /// - Throws: when an answer is damaged.
    mutating func unanswered() throws(SandboxError) -> Int {
        var count = 0
        for reply in replies where try InitChannel.receive(reply, milliseconds: 0) == nil { count += 1 }
        replies = []
        kept = []
        return count
    }

    private mutating func body() -> [UInt8] {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<20: return randomBytes(0...64)
        case 20..<40: return Array(header().prefix(Int.random(in: 0..<24, using: &generator)))
        case 40..<42: return header() + [UInt8](repeating: 97, count: Int(NRX_REQUEST_BYTES_MAX))
        default: return header() + strings()
        }
    }

    private mutating func header() -> [UInt8] {
        var header = nrx_request()
        let isKnown = Int.random(in: 0..<10, using: &generator) > 0
        header.type = isKnown ? .random(in: 0...8, using: &generator) : .random(in: 0...(.max), using: &generator)
        header.first = number()
        header.second = number()
        return withUnsafeBytes(of: header) { Array($0) }
    }

    private mutating func number() -> UInt64 {
        Bool.random(using: &generator)
            ? .random(in: 0...127, using: &generator) : .random(in: 0...(.max), using: &generator)
    }

    private mutating func strings() -> [UInt8] {
        let parts = ["a", "b", "/", "..", ".", "\0", "\0", "/proc", "tmp", "//", String(repeating: "x", count: 300)]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            bytes += Array((parts.randomElement(using: &generator) ?? "").utf8)
        }
        return bytes + (Bool.random(using: &generator) ? [0] : randomBytes(0...8))
    }

    private mutating func randomBytes(_ count: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: count, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
    }

    /// The descriptors of one request, and our end of the first when that is a reply socket.
    private mutating func descriptors() throws(SandboxError) -> (all: [Descriptor], reply: Descriptor?) {
        // No more than the kernel's way there has room for, sometimes more than init takes.
        let count = Int.random(in: 0..<10, using: &generator) == 0 ? 14 : Int.random(in: 0...4, using: &generator)
        var all: [Descriptor] = []
        var reply: Descriptor?
        for index in 0..<count {
            let isReply = index == 0 && Int.random(in: 0..<5, using: &generator) > 0
            switch isReply ? 0 : Int.random(in: 0..<6, using: &generator) {
            case 0:
                let (own, theirs) = try Descriptor.socketPair()
                all.append(theirs)
                if index == 0 { reply = own } else { kept.append(own) }
            case 1: all.append(try Descriptor.open("/dev/null", O_RDWR))
            case 2: all.append(try Descriptor.pipe().write)
            case 3: all.append(try Descriptor.pipe().read)
            case 4: all.append(try Descriptor.memory("fuzz", [1, 2, 3]))
            // Its other end is closed at once.
            default: all.append(try Descriptor.socketPair().1)
            }
        }
        return (all, reply)
    }
}

/// Hands prepared processes programs that are damaged, or not what they say.
struct ProgramFuzzer {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// How a prepared process ended: its wait status, and whether it refused its program.
    struct End {
        var status: Int32
        var wasRefused: Bool
    }

    /// Prepares a process, gives it one program and waits for its end.
    mutating func runOne(on channel: InitChannel) throws(SandboxError) -> End {
        let (programs, theirs) = try Descriptor.socketPair()
        var header = nrx_request()
        header.type = NRX_REQUEST_PREPARE.rawValue
        let replies = try channel.send(header, descriptors: [theirs])
        theirs.close()
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let isOdd = Int.random(in: 0..<4, using: &generator) == 0
        let streams = [Descriptor](repeating: null, count: isOdd ? .random(in: 0...14, using: &generator) : 3)
        let failure = InitChannel.send(program(), streams, to: programs)
        guard failure == 0 else { throw .system("cannot hand over a program", failure) }
        programs.close()
        var end = End(status: -1, wasRefused: false)
        while let reply = try InitChannel.receive(replies, milliseconds: 10_000) {
            if reply.type == NRX_REPLY_FAILED { end.wasRefused = true }
            if reply.type != NRX_REPLY_EXITED { continue }
            end.status = reply.raw.status
            return end
        }
        throw .system("a prepared process did not end", ETIMEDOUT)
    }

    private mutating func program() -> [UInt8] {
        let argumentCount = Int.random(in: 1...3, using: &generator)
        let variableCount = Int.random(in: 0...3, using: &generator)
        var header = nrx_program()
        let isHonest = Bool.random(using: &generator)
        header.argument_count = isHonest ? UInt32(argumentCount) : .random(in: 0...(.max), using: &generator)
        header.variable_count = isHonest ? UInt32(variableCount) : .random(in: 0...1_100, using: &generator)
        header.file_bytes_max = 1 << 20
        header.descriptors_max = .random(in: 0...64, using: &generator)
        var bytes = withUnsafeBytes(of: header) { Array($0) }
        let directories = ["/workspace", "/", "", "/nowhere", "\u{1}"]
        bytes += Array((directories.randomElement(using: &generator) ?? "").utf8) + [0]
        for index in 0..<argumentCount + variableCount {
            let names =
                index == 0 ? ["true", "", "/", "/etc/passwd", "no-such"] : ["PATH=:/usr/bin::/bin", "=", "x", ""]
            bytes += Array((names.randomElement(using: &generator) ?? "").utf8) + [0]
        }
        let isCut = Int.random(in: 0..<4, using: &generator) == 0
        return isCut ? Array(bytes.prefix(.random(in: 1...bytes.count, using: &generator))) : bytes
    }
}
