import CLinux
import Glibc

/// A growable array whose elements begin at multiples of their stride, in huge pages where the kernel has them: for
/// tables that are read at random places, where finding the page would otherwise cost as much as reading it.
struct PackedArray<Element>: ~Copyable {
    private static var hugePageBytes: Int { 2 << 20 }

    // Owned by this value alone: allocated in `init` and `grow`, its first `count` elements initialised, freed in `deinit`.
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    private(set) var count = 0

    /// - Parameter capacity: elements that there is room for, at least one.
    init(capacity: Int) {
        self.capacity = capacity
        base = Self.allocate(capacity)
    }

    init(repeating element: Element, count: Int) {
        self.init(capacity: count)
        base.initialize(repeating: element, count: count)
        self.count = count
    }

    deinit {
        base.deinitialize(count: count)
        UnsafeMutableRawPointer(base).deallocate()
    }

    subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count)
            return base[index]
        }
        set {
            precondition(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    /// Has the processor fetch an element ahead of its use; nothing is read yet. Of a large one the first 128 bytes.
    func prefetch(_ index: Int) {
        precondition(index >= 0 && index < count)
        nrx_prefetch(base + index)
        if MemoryLayout<Element>.stride > 64 { nrx_prefetch(UnsafeRawPointer(base + index) + 64) }
    }

    /// Amortised: the room doubles when it is used up.
    mutating func append(_ element: Element) {
        if count == capacity { grow() }
        (base + count).initialize(to: element)
        count += 1
    }

    private mutating func grow() {
        let larger = Self.allocate(capacity * 2)
        larger.moveInitialize(from: base, count: count)
        UnsafeMutableRawPointer(base).deallocate()
        base = larger
        capacity *= 2
    }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
        let bytes = capacity * MemoryLayout<Element>.stride
        let isLarge = bytes >= hugePageBytes
        // A power of two, and a multiple of the stride when that is one.
        let alignment = isLarge ? hugePageBytes : 128
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: alignment)
        // Advice: where it is not taken the pages are small and everything else is the same.
        if isLarge { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
        return memory.bindMemory(to: Element.self, capacity: capacity)
    }
}
