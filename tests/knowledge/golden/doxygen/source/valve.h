/** @file valve.h Valves of the pump. */
/** @brief A valve.
 *
 * Opens and shuts. See shut_valve().
 *
 * @code{.cpp}
 * Valve valve;
 * open_valve(&valve, 3);
 * @endcode
 *
 * @warning Never open it dry.
 */
struct Valve {
    int width; /**< In millimetres. */
};
/** @brief Open a valve.
 * @param valve which one
 * @param turns how far
 * @return 0 when it is open
 */
int open_valve(struct Valve *valve, int turns);
/** @brief Shut it. */
void shut_valve(struct Valve *valve);
