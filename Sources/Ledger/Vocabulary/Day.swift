import EventStore

/// A day in UTC as events spell it.
enum Day {
    /// `text` if it is `YYYY-MM-DD` and exists.
    static func checked(_ text: String) -> String? {
        Timestamp(text + "T00:00:00Z") == nil ? nil : text
    }
}
