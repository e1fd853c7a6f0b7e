import Ledger

extension SessionID {
    /// Reads an id under any of the prefixes of the dialects: a session, a workspace and an instance are one thing.
    init?(anyOf text: String) {
        for prefix in ["ws_", "inst_"] where text.hasPrefix(prefix) {
            self.init(SessionEntity.identifierPrefix + text.dropFirst(prefix.count))
            return
        }
        self.init(text)
    }

    /// The same id as a dialect shows it, for example under `ws_`.
    func shown(as prefix: String) -> String { prefix + text.dropFirst(SessionEntity.identifierPrefix.count) }
}
