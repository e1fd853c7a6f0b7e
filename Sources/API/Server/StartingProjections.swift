import EventStore
import Foundation
import Logging
import Projections

/// The projections of a server that starts. Where there is no file to go on from, one is built while the log is read anyway,
/// several times quicker than event by event afterwards.
final class StartingProjections {
    private let path: String
    private let logger: Logger
    /// Whether the file was found sound.
    private var isSound = false
    /// Nil when there is nothing to be built.
    private var builder: ProjectionBuilder?

    /// - Parameters:
    ///   - path: the projections' file.
    ///   - log: the log's directory. A log that is yet to be made has nothing to build from.
    /// - Throws: ``ProjectionError`` when the place cannot be read or written.
    init(path: String, log: String, logger: Logger) throws(ProjectionError) {
        self.path = path
        self.logger = logger
        guard FileManager.default.fileExists(atPath: log) else { return }
        guard let reason = try ProjectionStore.reasonToBuild(at: path) else {
            isSound = true
            return
        }
        logger.notice("the projections are built from the log", metadata: ["reason": .string(reason)])
        builder = try ProjectionBuilder(path: path)
    }

    /// Applies the log's next events. What cannot be built at once is left to the server, which says why when it follows the log.
    func take(_ events: [Envelope]) {
        guard let builder else { return }
        do throws(ProjectionError) {
            try builder.apply(try OpenedEnvelope.all(events))
        } catch { giveUp(error) }
    }

    /// The file, ready to be followed up. To be called when the whole log was read.
    func open() throws(ProjectionError) -> ProjectionStore {
        if let builder {
            do throws(ProjectionError) {
                _ = try builder.finish()
                isSound = true
            } catch { giveUp(error) }
        }
        return isSound ? try ProjectionStore(soundAt: path) : try ProjectionStore(path: path)
    }

    private func giveUp(_ error: ProjectionError) {
        builder?.abandon()
        builder = nil
        logger.warning(
            "the projections could not be built while the log was read", metadata: ["error": .string("\(error)")])
    }
}
