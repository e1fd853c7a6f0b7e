import Hummingbird

/// Puts the frame of every request around Hummingbird's router.
struct AnswerMiddleware: RouterMiddleware {
    let frame: RequestFrame
    /// By the path's pattern.
    let paths: [String: RequestFrame.KnownPath]

    func handle(
        _ request: Request, context: APIRequestContext, next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let path = context.endpointPath.flatMap { paths[$0] }
        let dialect = path?.dialect ?? .speaking(at: request.uri.path)
        var context = context
        context.facts = frame.facts(of: request, peer: context.peer)
        var response: Response
        do {
            try frame.admit(request, context.facts, to: dialect)
            response = try await next(request, context)
        } catch {
            response = frame.render(error, in: dialect, context.facts).response
        }
        // The router strips bodies for HEAD only where a route answered.
        if request.method == .head { response = response.createHeadResponse() }
        frame.finish(
            &response.headers, status: response.status.code, to: request, context.facts, on: path, since: start)
        return response
    }
}
