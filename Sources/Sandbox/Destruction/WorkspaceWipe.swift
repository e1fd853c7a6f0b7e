import CLinux
import CSodium
import Glibc
import Merkle
import Proofs

/// Overwrites every block of every file of a tmpfs in place, reads it back, and removes everything.
///
/// Nobody else may have the file system open for writing: the session's processes are dead by then.
struct WorkspaceWipe {
    /// What was done, counted.
    struct Report: Equatable {
        var files: Int64 = 0
        var bytes: Int64 = 0
        var bytesOverwritten: Int64 = 0
        var bytesCompared: Int64 = 0
        var mismatches: Int64 = 0
        var tree = CompactRange()
        /// Blocks that the file system itself counts as used, before, and those of them that no file explains.
        var blocksUsed: Int64 = 0
        var blocksUnexplained: Int64 = 0
        /// Names, in all directories.
        var entries: Int64 = 0
        /// Still there after everything was removed.
        var entriesLeft: Int64 = 0
        /// First thing that could not be done.
        var problem: String?
    }

    private let root: Int32
    private let beforeComparing: (@Sendable (Int32) -> Void)?
    private(set) var report = Report()
    private var buffers: WipeBuffers
    /// Blocks that the files account for, reserved ones and those of long links included.
    private var blocksExplained: Int64 = 0
    private var seen: Set<UInt64> = []

    init(root: Int32, beforeComparing: (@Sendable (Int32) -> Void)? = nil) {
        self.root = root
        self.beforeComparing = beforeComparing
        buffers = WipeBuffers()
    }

    /// Wipes and removes everything beneath the root directory.
    mutating func run() -> Report {
        var usage = nrx_file_system_usage()
        if nrx_file_system_usage(root, &usage) == 0 { report.blocksUsed = Int64(usage.blocks_used) }
        emptyEverything()
        report.blocksUnexplained = report.blocksUsed - blocksExplained
        report.entriesLeft = Int64(DirectoryListing.names(of: root)?.count ?? -1)
        return report
    }

    private mutating func fail(_ what: String, _ number: Int32) {
        if report.problem == nil { report.problem = "\(what): \(systemErrorText(number))" }
    }

    /// A directory on the way from the root to where the walk is.
    private struct Level {
        /// Its name in the directory above; empty for the root.
        var name: DirectoryListing.Name
        /// Directories in it that are still to be emptied.
        var pending: [DirectoryListing.Name]
    }

    /// Depth first, with one descriptor however deep a session nested its directories: up again by `..`, which leads
    /// where it should because nobody is left who could move a directory.
    private mutating func emptyEverything() {
        guard var current = open([46, 0], in: root), let pending = emptyOfFiles(current.number) else { return }
        var levels = [Level(name: [0], pending: pending)]
        while report.problem == nil {
            if let name = levels[levels.count - 1].pending.popLast() {
                guard let next = open(name, in: current.number), let pending = emptyOfFiles(next.number) else { return }
                levels.append(Level(name: name, pending: pending))
                current = next
            } else {
                let level = levels.removeLast()
                guard !levels.isEmpty, let above = open([46, 46, 0], in: current.number) else { return }
                current = above
                report.entries += 1
                if unlinkat(above.number, level.name, Int32(AT_REMOVEDIR)) != 0 {
                    fail("a directory cannot be removed", errno)
                }
            }
        }
    }

    private mutating func open(_ name: DirectoryListing.Name, in directory: Int32) -> Descriptor? {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        var number = nrx_open(directory, name, flags, 0)
        // Not root: a directory that its owner locked.
        if number < 0 && errno == EACCES, fchmodat(directory, name, 0o700, 0) == 0 {
            number = nrx_open(directory, name, flags, 0)
        }
        guard number >= 0 else {
            fail("a directory cannot be opened", errno)
            return nil
        }
        return Descriptor(number)
    }

    /// Wipes and removes all that is no directory; returns the directories.
    private mutating func emptyOfFiles(_ directory: Int32) -> [DirectoryListing.Name]? {
        guard let names = DirectoryListing.names(of: directory) else {
            fail("a directory cannot be listed", errno)
            return nil
        }
        var directories: [DirectoryListing.Name] = []
        for name in names {
            var status = nrx_file_status()
            let failure = nrx_file_status(directory, name, &status)
            guard failure == 0 else {
                fail("a file cannot be looked at", failure)
                return nil
            }
            switch status.mode & S_IFMT {
            case S_IFDIR: directories.append(name)
            case S_IFREG: wipeFile(name, in: directory, status)
            case S_IFLNK:
                // A target too long for the inode has a block: a name, not content, so it is only removed.
                if seen.insert(status.inode).inserted { blocksExplained += Int64(status.blocks) / 8 }
                remove(name, in: directory)
            default: remove(name, in: directory)
            }
            if report.problem != nil { return nil }
        }
        return directories
    }

    private mutating func remove(_ name: DirectoryListing.Name, in directory: Int32) {
        report.entries += 1
        if unlinkat(directory, name, 0) != 0 { fail("a file cannot be removed", errno) }
    }

    private mutating func wipeFile(_ name: DirectoryListing.Name, in directory: Int32, _ status: nrx_file_status) {
        // A second name of a file that is wiped already.
        if !seen.insert(status.inode).inserted { return remove(name, in: directory) }
        var number = nrx_open(directory, name, O_RDWR | O_NOFOLLOW, 0)
        if number < 0 && errno == EACCES, fchmodat(directory, name, 0o600, 0) == 0 {
            number = nrx_open(directory, name, O_RDWR | O_NOFOLLOW, 0)
        }
        guard number >= 0 else { return fail("a file cannot be opened", errno) }
        let file = Descriptor(number)
        report.files += 1
        blocksExplained += Int64(status.blocks) / 8
        let cleared = nrx_clear_attributes(file.number)
        if cleared < 0 { return fail("extended attributes cannot be removed", -cleared) }
        overwrite(file.number, size: status.size)
        file.close()
        if report.problem == nil { remove(name, in: directory) }
    }

    private mutating func overwrite(_ file: Int32, size: UInt64) {
        guard let extents = extents(of: file, size: size) else { return }
        let bytes = extents.reduce(0) { $0 + Int64($1.count) }
        var status = nrx_file_status()
        let failure = nrx_file_status(file, "", &status)
        guard failure == 0 else { return fail("a file cannot be looked at", failure) }
        guard Int64(status.blocks) * 512 == bytes else {
            report.problem = "a file has \(status.blocks * 512) bytes allocated, of which \(bytes) can be reached"
            return
        }
        report.bytes += bytes
        for pass in WipeBuffers.Pass.allCases {
            for extent in extents {
                let written = buffers.write(pass, to: file, extent)
                report.bytesOverwritten += written
                guard written == Int64(extent.count) else { return fail("a file cannot be overwritten", errno) }
            }
        }
        beforeComparing?(file)
        for extent in extents {
            guard buffers.compare(file, extent, into: &report) else { return fail("a file cannot be read back", errno) }
        }
    }

    /// The allocated parts of a file in whole blocks. Blocks that were reserved and never written hold nothing of the
    /// session; they are given back here, so that what is measured is what was written.
    private mutating func extents(of file: Int32, size: UInt64) -> [Range<UInt64>]? {
        var result: [Range<UInt64>] = []
        var offset: UInt64 = 0
        let block = UInt64(ZeroTree.blockBytes)
        while true {
            var start: UInt64 = 0
            var end: UInt64 = 0
            let found = nrx_next_extent(file, offset, &start, &end)
            if found < 0 {
                fail("a file's extents cannot be read", -found)
                return nil
            }
            let nextStart = found == 1 ? start / block * block : UInt64(Int64.max) / block * block
            if nextStart > offset {
                let failure = nrx_punch_hole(file, offset, nextStart - offset)
                if failure != 0 {
                    fail("reserved blocks cannot be given back", failure)
                    return nil
                }
            }
            if found == 0 { return result }
            let stop = (end + block - 1) / block * block
            result.append(nextStart..<stop)
            offset = stop
        }
    }
}
