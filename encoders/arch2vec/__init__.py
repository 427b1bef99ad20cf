"""arch2vec (Yan et al., NeurIPS 2020): a variational graph autoencoder, its training and its quality."""
