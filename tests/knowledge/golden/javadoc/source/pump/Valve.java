package pump;

/**
 * A valve. See {@link #open(int)}.
 *
 * <pre>{@code
 * Valve valve = new Valve();
 * valve.open(3);
 * }</pre>
 */
public class Valve {
    /** The width in millimetres. */
    public static final int WIDTH = 7;

    /** Makes a shut valve. */
    public Valve() {}

    /**
     * Opens it.
     *
     * @param turns how far
     * @return whether it is open
     * @throws IllegalArgumentException if {@code turns} is negative
     */
    public boolean open(int turns) { return turns > 0; }
}
