import Foundation
import GRDB

extension Row {
    /// The blob of a column; empty when it holds something else, which then fails to authenticate.
    func bytes(_ column: String) -> [UInt8] {
        let value: DatabaseValue = self[column]
        return Data.fromDatabaseValue(value).map { Array($0) } ?? []
    }
}
