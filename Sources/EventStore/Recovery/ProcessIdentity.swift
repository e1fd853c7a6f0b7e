import Glibc

/// Who holds the lock, for the message to whoever comes second.
enum ProcessIdentity {
    static var current: String { String(getpid()) }
}
