import CLinux
import Glibc

/// What is in a directory, read through a descriptor.
enum DirectoryListing {
    /// A file's name: bytes and a NUL, in no particular encoding, as the kernel has it.
    typealias Name = [CChar]

    private static let dot: Name = [46, 0]
    private static let dotDot: Name = [46, 46, 0]

    /// Names without `.` and `..`; nil (and errno) when the directory cannot be read.
    static func names(of directory: Int32) -> [Name]? {
        let copy = nrx_open(directory, ".", O_RDONLY | O_DIRECTORY, 0)
        guard copy >= 0, let stream = fdopendir(copy) else { return nil }
        defer { closedir(stream) }
        var names: [Name] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
            }
            if name != dot && name != dotDot { names.append(name) }
        }
        return names
    }

    /// The entries of a directory of /proc whose names are numbers: processes, or descriptors.
    static func numbers(at path: String) -> [Int32] {
        let number = nrx_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
        guard number >= 0 else { return [] }
        defer { close(number) }
        return (names(of: number) ?? []).compactMap { Int32(text($0)) }
    }

    /// The name as text, for names that the kernel itself makes.
    static func text(_ name: Name) -> String {
        String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
