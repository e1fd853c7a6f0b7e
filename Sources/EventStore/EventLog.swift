// The interface the other modules build on; the engine behind it lands with the writer.
