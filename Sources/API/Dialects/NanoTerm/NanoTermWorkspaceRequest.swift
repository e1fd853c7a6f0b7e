import CanonicalJSON
import Ledger
import Projections
import Sandbox

/// What the bodies of workspace requests ask for.
enum NanoTermWorkspaceRequest {
    /// Name, image and size of a new workspace.
    ///
    /// - Throws: `INVALID_IMAGE`, `VALIDATION_FAILED`, `FORBIDDEN` for a size beyond the plan, `NOT_SUPPORTED` for what this
    ///   server does not run: never silence.
    static func label(
        in members: RequestMembers, on plan: Plan
    ) throws(APIError) -> (label: WorkspaceDirectory.Label, size: WorkspaceOffer.Size) {
        try refuseUnsupported(members)
        let image = try members.string("image") ?? WorkspaceOffer.image
        guard WorkspaceOffer.images.contains(image) else {
            throw APIError(
                .badRequest, "There is no image '\(image)'. Known: \(WorkspaceOffer.images.joined(separator: ", ")).",
                field: "image", reason: NanoTermCode.invalidImage.rawValue)
        }
        let size = try size(in: members, on: plan)
        let name = try members.string("name") ?? freshName()
        return (WorkspaceDirectory.Label(name: name, image: image, size: size.name), size)
    }

    private static func size(in members: RequestMembers, on plan: Plan) throws(APIError) -> WorkspaceOffer.Size {
        guard let name = try members.string("size") else {
            guard let largest = WorkspaceOffer.largest(on: plan) else { throw .internalError }
            return largest
        }
        guard let size = WorkspaceOffer.sizes.first(where: { $0.name == name }) else {
            let names = WorkspaceOffer.sizes.map(\.name).joined(separator: ", ")
            throw APIError(.badRequest, "`size` must be one of: \(names).", field: "size")
        }
        guard WorkspaceOffer.fits(size, plan) else {
            throw APIError(
                .forbidden, "This plan has no room for the size '\(name)'. Choose a smaller one or upgrade the plan.",
                field: "size")
        }
        return size
    }

    private static func refuseUnsupported(_ members: RequestMembers) throws(APIError) {
        let unsupported = [
            ("repo", "Repositories are not cloned: workspaces have no network. Send the files with PUT …/files/PATH."),
            ("policyId", "There are no policies. Leave `policyId` out; every workspace is isolated in the same way."),
            ("ports", "Ports are not published. Leave `ports` out, and reach any port at …/proxy/PORT."),
            ("snapshotId", "There are no snapshots: a workspace is destroyed with its data. Start with an empty one."),
        ]
        for (name, why) in unsupported where members.present(name) != nil {
            if members.present(name)?.array?.isEmpty == true { continue }
            throw APIError(.notSupported, why, field: name, reason: NanoTermCode.notSupported.rawValue)
        }
    }

    /// For a workspace that was given no name.
    private static func freshName() -> String {
        "workspace-" + String(UInt32.random(in: .min ... .max), radix: 16)
    }

    private static let argumentBytesMax = 128 << 10

    /// A program and its arguments; there is no shell.
    static func command(in members: RequestMembers) throws(APIError) -> ExecCommand {
        guard members.present("command")?.array != nil else {
            throw APIError(
                .badRequest,
                "`command` is required: an array with a program and its arguments. There is no shell; run "
                    + "one with [\"sh\",\"-c\",\"…\"].", field: "command")
        }
        let arguments = try members.strings("command") ?? []
        guard let program = arguments.first, !program.isEmpty, arguments.allSatisfy({ !$0.utf8.contains(0) }),
            arguments.reduce(0, { $0 + $1.utf8.count + 1 }) <= argumentBytesMax
        else {
            throw APIError(
                .badRequest,
                "`command` must name a program, have no NUL characters and at most \(argumentBytesMax) bytes.",
                field: "command")
        }
        return ExecCommand(
            command: .arguments(arguments),
            receiptText: JSONValue.array(arguments.map { .string($0) }).canonicalText, inputData: nil,
            workingDirectory: try directory(in: members), environment: [:],
            timeoutSeconds: try timeout(in: members))
    }

    private static func timeout(in members: RequestMembers) throws(APIError) -> Int64? {
        guard let seconds = try members.integer("timeout") else { return nil }
        guard (1...86_400).contains(seconds) else {
            throw APIError(.badRequest, "`timeout` must be 1 to 86400 seconds.", field: "timeout")
        }
        return seconds
    }

    private static func directory(in members: RequestMembers) throws(APIError) -> String? {
        guard let path = try members.string("cwd") else { return nil }
        guard path.hasPrefix("/"), !path.utf8.contains(0), !path.split(separator: "/").contains("..") else {
            throw APIError(
                .badRequest, "`cwd` must be an absolute path without `..`, for example /workspace.", field: "cwd",
                reason: NanoTermCode.invalidPath.rawValue)
        }
        return path
    }
}
