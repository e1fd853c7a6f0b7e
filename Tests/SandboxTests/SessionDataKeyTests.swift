import Proofs
import Testing

@testable import Sandbox

@Suite("A session's data key")
struct SessionDataKeyTests {
    @Test("What is sealed opens again, and only unchanged and under the same key")
    func seal() throws {
        let key = try SessionDataKey()
        let box = try key.seal(Array("answer".utf8), as: .execAnswer)
        #expect(try key.open(box) == Array("answer".utf8))
        #expect(try key.seal([], as: .execAnswer).count == 40)
        for index in box.indices {
            var changed = box
            changed[index] ^= 1
            #expect(throws: SandboxError.self) { try key.open(changed) }
        }
        #expect(throws: SandboxError.self) { try key.open(Array(box.dropLast())) }
        #expect(throws: SandboxError.self) { try key.open([]) }
        let other = try SessionDataKey()
        #expect(throws: SandboxError.self) { try other.open(box) }
    }

    @Test("After its destruction nothing opens, and the evidence counts what it sealed")
    func destroy() throws {
        let key = try SessionDataKey()
        let box = try key.seal([1], as: .execAnswer)
        _ = try key.seal([2], as: .terminalTicket)
        _ = try key.seal([3], as: .terminalTicket)
        _ = try key.seal([4], as: .spooledInput)
        let evidence = key.destroy()
        #expect(evidence.guardedMemory && evidence.locked && evidence.zeroed && evidence.readBackZero)
        #expect(evidence.sealed == .init(execAnswers: 1, spooledInputs: 1, terminalTickets: 2))
        #expect(throws: SandboxError.self) { try key.open(box) }
        #expect(throws: SandboxError.self) { try key.seal([1], as: .execAnswer) }
        #expect(key.destroy() == evidence)
    }

    @Test("Two keys are two keys")
    func distinct() throws {
        let one = try SessionDataKey().seal([UInt8](repeating: 0, count: 64), as: .execAnswer)
        let two = try SessionDataKey().seal([UInt8](repeating: 0, count: 64), as: .execAnswer)
        #expect(one != two)
    }
}
