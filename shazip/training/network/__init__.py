"""Float networks: SHA-RNN, the AWD-LSTM baseline, and their layers."""
