/* The weights of a layer, row after row, one row an output channel.
 *
 * With gaps, only weights that are not zero are stored, each with its distance from the one before it in its row (the
 * first: from column 0). A distance over 255 is bridged by zeros that are stored, so no gap is a special case.
 */
typedef struct {
  const weight_t* weights;
  const uint8_t* gaps;    /* NULL: every weight is stored */
  const uint16_t* counts; /* stored weights of each row; NULL like gaps */
  uint32_t rows;
  uint32_t columns;
  epilogue_t epilogue;
} rows_t;
